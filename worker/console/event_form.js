// Posts an event of a user: an item of the list or any other, and what happened to it.

import { ask } from "./api.js";
import { el, fill, freshId } from "./dom.js";
import { known, t } from "./i18n.js";
import { inWords } from "./states.js";

const FIRST_KIND = "purchase";

export class EventForm {
  constructor({ userId, about, onPosted }) {
    const ids = { item: freshId("item"), kind: freshId("kind"), items: freshId("items") };
    this.userId = userId;
    this.onPosted = onPosted;
    this.items = el("datalist", { id: ids.items });
    this.item = el("input", { id: ids.item, required: true, list: ids.items, autocomplete: "off", spellcheck: "false" });
    const kinds = Object.keys(about.kinds).map((kind) => el("option", { value: kind, selected: kind === FIRST_KIND }, known("kind", kind)));
    this.kind = el("select", { id: ids.kind }, kinds);
    this.status = el("p", { role: "status" });
    const fields = el(
      "fieldset",
      { disabled: !about.writable },
      el("legend", { class: "unseen" }, t("event.title")),
      el("label", { for: ids.item }, t("event.item")),
      this.item,
      this.items,
      el("label", { for: ids.kind }, t("event.kind")),
      this.kind,
      el("button", { type: "submit", class: "main" }, t("event.post")),
    );
    const hint = about.writable ? null : el("p", { class: "muted" }, t("event.closed"));
    this.element = el(
      "section",
      { class: "card" },
      el("h2", {}, t("event.title")),
      el("form", { class: "fields", on: { submit: (event) => this.post(event) } }, fields),
      hint,
      this.status,
    );
  }

  // The items to choose from; any other id may be typed.
  offer(items) {
    fill(this.items, items.map((item) => el("option", { value: item.item_id }, item.title)));
  }

  async post(event) {
    event.preventDefault();
    const content = { user_id: this.userId, item_id: this.item.value.trim(), event: this.kind.value };
    await posted(content, this.status, this.onPosted);
  }
}

// Posts an event; tells how it went in `status`, and `onPosted` what it was once Kafka has it.
export async function posted(content, status, onPosted) {
  const what = `${known("kind", content.event)} · ${content.item_id}`;
  status.className = "muted";
  status.textContent = t("event.sending");
  try {
    await ask("v1/events", { method: "POST", body: content });
    status.textContent = t("event.taken", { what });
    onPosted(what);
  } catch (problem) {
    status.className = "bad";
    status.textContent = inWords(problem).filter(Boolean).join(". ");
    status.dispatchEvent(new CustomEvent("problem", { bubbles: true, detail: problem }));
  }
}
