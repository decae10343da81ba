// A user: the list as it changes, why its items are there, and events that are posted from here.

import { ask, follow, path } from "../api.js";
import { announce, el, fill } from "../dom.js";
import { EventForm } from "../event_form.js";
import { ItemList, title } from "../item_list.js";
import { ItemPanel } from "../item_panel.js";
import { ago, clock, moment, seconds } from "../format.js";
import { known, t } from "../i18n.js";
import { SearchForm } from "../search_form.js";
import { empty, failed, filled, inWords, loading } from "../states.js";

const TICK_MS = 500;

export function show(main, userId, signal) {
  const heading = el("h1", { tabindex: -1 }, userId ? t("user.title", { user: userId }) : t("nav.user"));
  const search = new SearchForm({ page: "user", label: t("user.search"), value: userId });
  const body = el("div");
  fill(main, el("div", { class: "title" }, heading, search.element), body);
  if (!userId) {
    fill(body, empty(t("user.none"), t("user.none.hint")));
    return;
  }
  filled(body, async () => {
    const about = await ask("v1/about", { signal });
    new UserView(userId, about, signal).showIn(body);
  });
}

class UserView {
  constructor(userId, about, signal) {
    this.userId = userId;
    this.signal = signal;
    this.posted = null; // {at, what} of an event whose effect is awaited
    this.content = null;
    this.source = el("span", { class: "badge" });
    this.age = el("span", { class: "muted" });
    this.live = el("span", { class: "badge" }, t("user.connecting"));
    this.outcome = el("p", { class: "outcome", role: "status", id: "outcome" });
    this.pause = el("button", { type: "button", class: "quiet", "aria-pressed": "false", on: { click: () => this.toggle() } }, t("user.pause"));
    this.panel = new ItemPanel({ userId, about, onPosted: (what) => this.wasPosted(what) });
    this.list = new ItemList({ caption: t("user.list"), more: (item, close) => this.panel.of(item, close) });
    this.form = new EventForm({ userId, about, onPosted: (what) => this.wasPosted(what) });
    this.recent = el("div");
    this.listPlace = el("div", {}, loading());
  }

  showIn(body) {
    const bar = el("p", { class: "row facts" }, this.source, this.age, this.live, this.pause);
    fill(
      body,
      el(
        "div",
        { class: "beside" },
        el("section", { class: "card" }, el("h2", {}, t("user.list")), bar, this.outcome, this.listPlace),
        el("div", {}, this.form.element, el("section", { class: "card" }, el("h2", {}, t("user.recent")), this.recent)),
      ),
    );
    this.follow();
    const timer = setInterval(() => this.tick(), TICK_MS);
    this.signal.addEventListener("abort", () => clearInterval(timer));
  }

  follow() {
    this.following = new AbortController();
    this.signal.addEventListener("abort", () => this.following.abort());
    const onState = (state, problem) => this.connection(state, problem);
    const onEvent = (kind, content) => (kind === "list" ? this.show(content) : this.gone());
    follow(path`v1/users/${this.userId}/follow?explain=true`, { signal: this.following.signal, onEvent, onState }).catch((problem) => {
      fill(this.listPlace, failed(problem, () => this.follow()));
      this.connection("away", problem);
    });
  }

  toggle() {
    const paused = !this.following.signal.aborted;
    this.pause.setAttribute("aria-pressed", String(paused));
    this.pause.textContent = t(paused ? "user.resume" : "user.pause");
    if (paused) this.following.abort();
    else this.follow();
    badge(this.live, paused ? "warn" : "", t(paused ? "user.paused" : "user.connecting"));
  }

  connection(state, problem) {
    if (state === "live") badge(this.live, "good", t("user.live"));
    else badge(this.live, "bad", inWords(problem)[0]);
    if (state !== "live" && this.content === null && problem.status) fill(this.listPlace, failed(problem));
  }

  gone() {
    badge(this.live, "bad", t("user.gone"));
  }

  show({ at, list }) {
    if (this.content === null) fill(this.listPlace, this.list.element);
    const changed = this.list.update(list.items);
    this.content = list;
    this.skew = Date.now() - at; // the browser's clock may be another than the server's
    badge(this.live, "good", t("user.live"));
    badge(this.source, list.source === "personal" ? "good" : "warn", known("source", list.source));
    this.source.title = known("source_title", list.source);
    this.form.offer(list.items);
    this.showRecent(list.recent ?? []);
    this.tick();
    if (changed) this.changed();
  }

  changed() {
    const took = this.posted && seconds((performance.now() - this.posted.at) / 1000);
    const text = took ? t("user.changed.after", { seconds: took, what: this.posted.what }) : t("user.changed");
    if (took) this.outcome.textContent = text;
    this.posted = null;
    announce(text);
  }

  wasPosted(what) {
    this.posted = { at: performance.now(), what };
    this.outcome.textContent = t("user.posted", { what });
  }

  tick() {
    if (this.content) this.age.textContent = t("user.age", { ago: ago(Date.now() - this.skew - this.content.generated_at) });
  }

  showRecent(events) {
    if (!events.length) {
      fill(this.recent, el("p", { class: "muted" }, t("user.recent.none")));
      return;
    }
    const row = (each) =>
      el(
        "li",
        {},
        el("span", { class: "kind" }, each.event ? known("kind", each.event) : t("user.recent.some")),
        el("span", {}, title(each.item_id, each.title)),
        el("span", { class: "muted", title: moment(each.ts + this.skew) }, clock(each.ts + this.skew)),
      );
    fill(this.recent, el("ol", { class: "events" }, events.map(row)));
  }
}

function badge(element, kind, text) {
  element.className = `badge ${kind}`;
  element.textContent = text;
}
