// A field that leads to a page about what is typed into it.

import { path } from "./api.js";
import { el, freshId } from "./dom.js";
import { t } from "./i18n.js";

export class SearchForm {
  constructor({ page, label, value = "" }) {
    const id = freshId("search");
    this.input = el("input", { id, type: "search", required: true, value, autocomplete: "off", spellcheck: "false", placeholder: label });
    const go = (event) => {
      event.preventDefault();
      const wanted = this.input.value.trim();
      if (wanted) location.hash = `#/${page}/${path`${wanted}`}`;
    };
    this.element = el(
      "form",
      { class: "search", role: "search", on: { submit: go } },
      el("label", { for: id, class: "unseen" }, label),
      this.input,
      el("button", { type: "submit" }, t("search.go")),
    );
  }
}
