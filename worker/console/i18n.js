// Texts in the reader's language: a dictionary for each, in a file of its own.

import { TEXTS as en } from "./texts/en.js";
import { TEXTS as zh } from "./texts/zh.js";

export const LANGUAGES = { en: "English", zh: "中文" };
const DICTIONARIES = { en, zh };
const STORED = "millrace-language";

let language = first();

function first() {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages].filter(Boolean);
  const known = wanted.map((each) => each.slice(0, 2)).find((each) => each in DICTIONARIES);
  return known ?? "en";
}

export function currentLanguage() {
  return language;
}

export function chooseLanguage(chosen) {
  language = chosen;
  localStorage.setItem(STORED, chosen);
}

// The text of a key, with {names} replaced by values.
export function t(key, values = {}) {
  const text = DICTIONARIES[language][key];
  if (text === undefined) throw new Error(`no text for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

// The text of a key that comes from outside (a reason, a signal), or the key itself.
export function known(prefix, key) {
  return DICTIONARIES[language][`${prefix}.${key}`] ?? key.replaceAll("_", " ");
}
