// One figure with its unit, and what it means.

import { el, freshId } from "./dom.js";
import { NOTHING } from "./format.js";
import { t } from "./i18n.js";

// `value`: figures => text; `note`: figures => a second line; `isBad`: figures => whether to point at it.
export class Tile {
  constructor({ name, value, unit, note = null, isBad = () => false }) {
    this.of = value;
    this.note = note;
    this.isBad = isBad;
    this.number = el("span", { class: "value" }, NOTHING);
    this.second = note && el("span", { class: "note" });
    const id = freshId("meaning");
    this.element = el(
      "li",
      { class: "tile", title: t(`tile.${name}.title`), "aria-describedby": id, "data-tile": name },
      el("span", { class: "name" }, t(`tile.${name}`)),
      el("span", { class: "figure" }, this.number, " ", el("span", { class: "unit" }, t(unit))),
      this.second,
      el("span", { class: "unseen", id }, t(`tile.${name}.title`)),
    );
  }

  update(figures) {
    this.number.textContent = figures ? this.of(figures) : NOTHING;
    if (this.note) this.second.textContent = figures ? this.note(figures) : "";
    this.element.classList.toggle("bad", Boolean(figures && this.isBad(figures)));
  }
}
