// What if: a history that is made up here, and the list that it leads to. Nobody's events, nothing is learned.

import { ask, hasRoute } from "../api.js";
import { announce, el, fill, freshId } from "../dom.js";
import { ItemList } from "../item_list.js";
import { known, t } from "../i18n.js";
import { empty, failed, filled, unavailable } from "../states.js";

const ROUTE = "/v1/sessions/recommendations";
const ITEMS = 20;
const PAUSE_MS = 150;

const history = []; // kept while other pages are looked at: oldest first
const titles = new Map();

export function show(main, _about, signal) {
  const body = el("div");
  fill(main, el("div", { class: "title" }, el("h1", { tabindex: -1 }, t("nav.what-if"))), el("p", { class: "muted" }, t("whatif.hint")), body);
  filled(body, async () => {
    if (await hasRoute(ROUTE, "post")) new WhatIf(signal).showIn(body);
    else fill(body, unavailable(t("nav.what-if")));
  });
}

class WhatIf {
  constructor(signal) {
    this.signal = signal;
    this.timer = 0;
    const id = freshId("item");
    const items = freshId("items");
    this.choices = el("datalist", { id: items });
    this.input = el("input", { id, list: items, required: true, autocomplete: "off", spellcheck: "false" });
    this.entries = el("ol", { class: "history" });
    this.source = el("span", { class: "badge" });
    this.list = new ItemList({ caption: t("whatif.list") });
    this.result = el("div");
    this.add = el(
      "form",
      { class: "search", on: { submit: (event) => this.append(event) } },
      el("label", { for: id, class: "unseen" }, t("whatif.item")),
      this.input,
      this.choices,
      el("button", { type: "submit", class: "main" }, t("whatif.add")),
    );
  }

  showIn(body) {
    fill(
      body,
      el(
        "div",
        { class: "beside even" },
        el("section", { class: "card" }, el("h2", {}, t("whatif.history")), this.add, this.entries),
        el("section", { class: "card", "aria-live": "off" }, el("h2", {}, t("whatif.list")), el("p", { class: "row facts" }, this.source), this.result),
      ),
    );
    this.offer();
    this.changed();
  }

  // Popular items to begin with.
  async offer() {
    const popular = await ask("v1/popular", { signal: this.signal }).catch(() => ({ items: [] })); // one may type ids all the same
    this.learnTitles(popular.items);
    fill(this.choices, popular.items.map((item) => el("option", { value: item.item_id }, item.title)));
    this.showEntries();
  }

  append(event) {
    event.preventDefault();
    history.push(this.input.value.trim());
    this.input.value = "";
    this.input.focus();
    this.changed();
  }

  move(place, by) {
    const [item] = history.splice(place, 1);
    const to = Math.max(0, Math.min(history.length, place + by));
    history.splice(to, 0, item);
    this.changed();
    this.focus(to, by < 0 ? "up" : "down");
    announce(t("whatif.moved", { item: titles.get(item) ?? item, place: to + 1 }));
  }

  remove(place) {
    const [item] = history.splice(place, 1);
    this.changed();
    if (history.length) this.focus(Math.min(place, history.length - 1), "remove");
    else this.input.focus();
    announce(t("whatif.removed", { item: titles.get(item) ?? item }));
  }

  focus(place, which) {
    const entry = this.entries.children[place];
    const wanted = entry.querySelector(`[data-deed=${which}]`);
    (wanted.disabled ? entry.querySelector("button:not([disabled])") : wanted).focus();
  }

  changed() {
    this.showEntries();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE_MS);
  }

  showEntries() {
    if (history.length) fill(this.entries, history.map((item, place) => this.entry(item, place)));
    else fill(this.entries, el("li", { class: "muted" }, t("whatif.empty")));
  }

  entry(item, place) {
    const name = titles.get(item) ?? item;
    const button = (deed, sign, deedDone, disabled) =>
      el("button", { type: "button", class: "quiet", "data-deed": deed, disabled, "aria-label": t(`whatif.${deed}`, { item: name }), title: t(`whatif.${deed}.title`), on: { click: deedDone } }, sign);
    return el(
      "li",
      { on: { keydown: (event) => this.pressed(event, place) } },
      el("span", { class: "name" }, name, name !== item && el("small", {}, item)),
      button("up", "▲", () => this.move(place, -1), place === 0),
      button("down", "▼", () => this.move(place, 1), place === history.length - 1),
      button("remove", "✕", () => this.remove(place), false),
    );
  }

  pressed(event, place) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!event.altKey || by === undefined) return;
    event.preventDefault();
    this.move(place, by);
  }

  async ask() {
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.signal.addEventListener("abort", () => asking.abort());
    if (!history.length) {
      this.source.textContent = "";
      fill(this.result, empty(t("whatif.nothing"), t("whatif.nothing.hint")));
      return;
    }
    try {
      const body = { history, k: ITEMS };
      this.show(await ask(ROUTE.slice(1), { method: "POST", body, signal: asking.signal }));
    } catch (problem) {
      if (problem.name === "AbortError") return;
      fill(this.result, failed(problem, () => this.ask()));
      this.result.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: problem }));
    }
  }

  show(answer) {
    this.learnTitles(answer.items);
    this.source.textContent = known("source", answer.source);
    this.source.className = answer.source === "session" ? "badge good" : "badge warn";
    if (this.result.firstChild !== this.list.element) fill(this.result, this.list.element);
    this.list.update(answer.items);
  }

  learnTitles(items) {
    items.forEach((item) => titles.set(item.item_id, item.title));
  }
}
