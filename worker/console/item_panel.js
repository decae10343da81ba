// What opens below an item of a list: why it is there, and what the user thinks of it.

import { ask, path } from "./api.js";
import { el, fill } from "./dom.js";
import { posted } from "./event_form.js";
import { percent, score, times } from "./format.js";
import { known, t } from "./i18n.js";
import { title } from "./item_list.js";
import { filled } from "./states.js";

const FEEDBACK = ["not_interested", "already_have", "wrong_reason", "report"];
const DEEDS = ["view_item", "add_to_cart", "purchase"];

export class ItemPanel {
  constructor({ userId, about, onPosted }) {
    this.userId = userId;
    this.kinds = about.writable ? Object.keys(about.kinds) : [];
    this.onPosted = onPosted;
  }

  // The panel of one item; `close` takes it away.
  of(item, close) {
    const why = el("div");
    const status = el("p", { role: "status" });
    filled(why, async () => {
      fill(why, explanation(await ask(path`v1/users/${this.userId}/explain/${item.item_id}`)));
    });
    const buttons = (kinds) => kinds.filter((kind) => this.kinds.includes(kind)).map((kind) => this.button(kind, item, status));
    return el(
      "div",
      { class: "panel" },
      el("div", { class: "row" }, buttons(DEEDS), buttons(FEEDBACK), el("button", { type: "button", class: "quiet", on: { click: close } }, t("panel.close"))),
      status,
      el("h3", {}, t("panel.why")),
      why,
    );
  }

  button(kind, item, status) {
    const content = { user_id: this.userId, item_id: item.item_id, event: kind, position: item.rank };
    if (kind === "wrong_reason") content.item_id = item.because ?? "";
    const post = () => posted(content, status, this.onPosted);
    const attributes = { type: "button", "data-kind": kind, disabled: !content.item_id, title: t(`feedback.${kind}.title`), on: { click: post } };
    return el("button", attributes, known("kind", kind));
  }
}

function explanation({ item }) {
  const shares = Object.entries(item.shares ?? {});
  const parts = Object.entries(item.parts ?? {});
  return [
    el("p", {}, item.sentence || item.reason),
    facts(item),
    movers(item.moved_by ?? []),
    el(
      "div",
      { class: "tables" },
      shares.length > 0 && table("shares", "expert", shares, (value) => [bar(value)], (value) => `${percent(value)} %`),
      parts.length > 0 && table("parts", "part", parts, () => [], (value) => (value > 0 ? "+" : "") + score(value)),
    ),
    !shares.length && !parts.length && el("p", { class: "muted" }, t("panel.none")),
  ];
}

function facts(item) {
  const known_ones = [
    item.popularity !== undefined && [t("panel.popularity"), `${percent(item.popularity, 2)} %`, t("panel.popularity.title")],
    item.trend !== undefined && [t("panel.trend"), `× ${times(item.trend)}`, t("panel.trend.title")],
    item.rule && [t("panel.rule"), item.rule, t("panel.rule.title")],
    item.propensity && [t("panel.chance"), `${percent(item.propensity)} %`, t("panel.chance.title")],
  ].filter(Boolean);
  if (!known_ones.length) return null;
  return el("dl", { class: "facts" }, known_ones.map(([name, value, meaning]) => el("div", { title: meaning }, el("dt", {}, name), el("dd", {}, value))));
}

// The user's own events that moved the item most.
function movers(events) {
  if (!events.length) return null;
  const line = (each) => el("li", {}, each.event && `${known("kind", each.event)} `, title(each.item_id, each.title), ` ${percent(each.share)} %`);
  return [el("h4", { title: t("panel.moved.title") }, t("panel.moved")), el("ul", {}, events.map(line))];
}

function table(name, prefix, rows, drawn, shown) {
  const sorted = rows.sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
  const row = ([key, value]) =>
    el("tr", {}, el("th", { scope: "row" }, known(prefix, key)), el("td", { class: "number" }, drawn(value), el("span", { class: "figure" }, shown(value))));
  const heads = [t(`panel.${prefix}`), t(`panel.${name}`)].map((head) => el("th", { scope: "col" }, head));
  const head = el("thead", { class: "unseen" }, el("tr", {}, heads));
  return el("table", { class: "small", title: t(`panel.${name}.title`) }, el("caption", {}, t(`panel.${name}`)), head, el("tbody", {}, sorted.map(row)));
}

function bar(share) {
  return el("meter", { min: 0, max: 1, value: share, "aria-hidden": "true" });
}
