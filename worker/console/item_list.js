// A list of items as a table: place, title, score and reason (below the title where there is little room); what stood
// elsewhere before is marked.

import { el, fill } from "./dom.js";
import { score } from "./format.js";
import { t } from "./i18n.js";
import { path } from "./api.js";

// `more`: item => element, shown below an item that is opened; null = items cannot be opened.
export class ItemList {
  constructor({ caption, more = null }) {
    this.more = more;
    this.places = null; // by item, as of the list before
    this.opened = null;
    this.body = el("tbody");
    const heads = [["list.place", "number"], ["list.item", ""], ["list.score", "number"], ["list.reason", "reason"]];
    const cells = heads.map(([key, kind]) => el("th", { scope: "col", class: kind, title: key === "list.score" && t("list.score.title") }, t(key)));
    this.element = el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
      el(
        "table",
        { class: "items" },
        el("caption", { class: "unseen" }, caption),
        el("thead", {}, el("tr", {}, cells, more && el("th", { scope: "col" }, el("span", { class: "unseen" }, t("list.more"))))),
        this.body,
      ),
    );
  }

  // Shows items; returns whether they are others, or stand in another order, than before.
  update(items) {
    const places = new Map(items.map((item) => [item.item_id, item.rank]));
    const focused = document.activeElement;
    const wasHere = this.body.contains(focused);
    if (!places.has(this.opened?.id)) this.opened = null;
    const highest = Math.max(...items.map((item) => item.score), Number.MIN_VALUE);
    fill(this.body, items.flatMap((item) => this.rows(item, highest)));
    if (wasHere) this.keepFocus(focused);
    const before = this.places;
    this.places = places;
    return before !== null && [...places].some(([item, place]) => before.get(item) !== place);
  }

  // Rows are made anew, what is opened below one is not. Where the item has left the list, the list has the focus.
  keepFocus(focused) {
    const name = focused.dataset.focus;
    const same = name && this.body.querySelector(`[data-focus="${CSS.escape(name)}"]`);
    (this.body.contains(focused) ? focused : (same || this.element)).focus({ preventScroll: true });
  }

  rows(item, highest) {
    const isOpen = this.opened?.id === item.item_id;
    const row = el(
      "tr",
      { "data-id": item.item_id, class: this.isNew(item) && "new" },
      el("td", { class: "number" }, item.rank, this.moved(item)),
      el("th", { scope: "row" }, title(item.item_id, item.title), el("small", { class: "reason" }, item.reason)),
      el("td", { class: "number" }, el("meter", { min: 0, max: highest, value: Math.max(0, item.score), "aria-hidden": "true" }), score(item.score)),
      el("td", { class: "reason" }, item.reason),
      this.more && el("td", { class: "more" }, this.opener(item, isOpen)),
    );
    return isOpen ? [row, el("tr", { class: "opened" }, el("td", { colspan: 5 }, this.opened.element))] : [row];
  }

  opener(item, isOpen) {
    const toggle = (event) => {
      const button = event.currentTarget;
      const now = this.opened?.id !== item.item_id;
      this.close();
      if (!now) return;
      this.opened = { id: item.item_id, element: this.more(item, () => this.close()) };
      button.setAttribute("aria-expanded", "true");
      button.closest("tr").after(el("tr", { class: "opened" }, el("td", { colspan: 5 }, this.opened.element)));
    };
    const label = t("list.open", { title: item.title });
    const state = { type: "button", class: "quiet", "aria-expanded": String(isOpen), "aria-label": label, "data-focus": `more ${item.item_id}` };
    return el("button", { ...state, title: t("list.open.title"), on: { click: toggle } }, "⋯");
  }

  close() {
    this.body.querySelector("tr.opened")?.remove();
    this.body.querySelector("[aria-expanded=true]")?.setAttribute("aria-expanded", "false");
    this.opened = null;
  }

  isNew(item) {
    return this.places !== null && !this.places.has(item.item_id);
  }

  moved(item) {
    const before = this.places?.get(item.item_id);
    if (this.isNew(item)) return el("span", { class: "moved new" }, t("list.new"));
    if (before === undefined || before === item.rank) return el("span", { class: "moved" });
    const up = before > item.rank;
    const places = Math.abs(before - item.rank);
    const text = t(up ? "list.up" : "list.down", { places });
    return el("span", { class: up ? "moved up" : "moved down", title: text, role: "img", "aria-label": text }, `${up ? "▲" : "▼"}${places}`);
  }
}

// An item by its title, with its id below where they differ.
export function title(id, text) {
  const link = el("a", { href: `#/${path`item/${id}`}`, "data-focus": `item ${id}` }, text || id);
  return text && text !== id ? [link, el("small", {}, id)] : [link];
}
