// Review: items that users reported and lists that look odd; a person blocks, buries or dismisses.

import { ask, elapsed, hasRoute, path } from "../api.js";
import { author, keepAuthor } from "../author.js";
import { announce, el, fill } from "../dom.js";
import { title } from "../item_list.js";
import { count, moment, percent } from "../format.js";
import { known, t } from "../i18n.js";
import { empty, filled, inWords, unavailable } from "../states.js";

const DECISIONS = ["block", "bury", "dismiss"];
const LOOK_MS = 200;
const MOST_LOOKS = 25;

export function show(main, _about, signal) {
  const body = el("div");
  fill(main, el("div", { class: "title" }, el("h1", { tabindex: -1 }, t("nav.review"))), el("p", { class: "muted" }, t("review.hint")), body);
  filled(body, async () => {
    if (await hasRoute("/v1/review")) await new Review(signal).showIn(body);
    else fill(body, unavailable(t("nav.review")));
  });
}

class Review {
  constructor(signal) {
    this.signal = signal;
    this.author = el("input", { id: "author", required: true, autocomplete: "off", value: author() });
    this.cases = el("div");
  }

  async showIn(body) {
    await this.refresh();
    fill(body, el("form", { class: "fields across" }, el("div", { class: "field narrow" }, el("label", { for: "author" }, t("rules.author")), this.author)), this.cases);
  }

  async refresh() {
    const { items } = await ask("v1/review", { signal: this.signal });
    const cards = items.map((item) => this.card(item));
    fill(this.cases, cards.length ? el("ul", { class: "cases" }, cards) : empty(t("review.none"), t("review.none.hint")));
    return items;
  }

  card(item) {
    const status = el("p", { role: "status", class: "bad" });
    const button = (decision) => el("button", { type: "button", on: { click: () => this.decide(item, decision, status) } }, known("action", decision));
    return el(
      "li",
      { class: "card" },
      el("h2", {}, title(item.item_id, item.title)),
      el("p", {}, why(item), " ", el("span", { class: "muted" }, moment(item.last_at))),
      el("div", { class: "row" }, DECISIONS.map(button)),
      status,
    );
  }

  async decide(item, decision, status) {
    if (!this.author.reportValidity()) {
      this.author.focus();
      return;
    }
    keepAuthor(this.author.value.trim());
    try {
      await ask(path`v1/review/${item.item_id}`, { method: "POST", body: { decision, author: author() } });
      announce(t("review.decided", { decision: known("action", decision) }));
      await this.refreshUntilGone(item);
    } catch (problem) {
      status.textContent = inWords(problem).filter(Boolean).join(". ");
      status.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: problem }));
    }
  }

  // The server reads decisions from Kafka as workers do: a moment later.
  async refreshUntilGone(item) {
    const isThere = (items) => items.some((each) => each.item_id === item.item_id);
    for (let look = 0; look < MOST_LOOKS && isThere(await this.refresh()); look += 1) await elapsed(LOOK_MS, this.signal);
  }
}

function why(item) {
  const reported = item.reports ? [t("review.reported", { reports: count(item.reports) })] : [];
  const shares = { lists: percent(item.share_of_lists), events: percent(item.share_of_events) };
  const odd = item.share_of_lists === undefined ? [] : [t("review.odd", shares)];
  return [...reported, ...odd].join(" ");
}
