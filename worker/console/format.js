// Numbers as people read them. What is not known is a dash, never a zero.

import { currentLanguage, t } from "./i18n.js";

export const NOTHING = "–";

function number(value, most = 0, least = 0) {
  const digits = { maximumFractionDigits: most, minimumFractionDigits: least };
  return new Intl.NumberFormat(currentLanguage(), digits).format(value);
}

export function isKnown(value) {
  return value !== null && value !== undefined && Number.isFinite(value);
}

export function count(value) {
  return isKnown(value) ? number(Math.round(value)) : NOTHING;
}

export function rate(value) {
  if (!isKnown(value)) return NOTHING;
  return value > 0 && value < 10 ? number(value, 1, 1) : number(Math.round(value));
}

export function seconds(value) {
  if (!isKnown(value)) return NOTHING;
  if (value < 10) return number(value, 2, 2);
  return number(value, value < 100 ? 1 : 0);
}

export function percent(value, digits = 1) {
  return isKnown(value) ? number(100 * value, digits, digits) : NOTHING;
}

export function ratio(value) {
  return isKnown(value) ? number(value, 3, 3) : NOTHING;
}

export function score(value) {
  return isKnown(value) ? number(value, 4, 4) : NOTHING;
}

// Times more, or less, than something: 1.8.
export function times(value) {
  return isKnown(value) ? number(value, 2, 2) : NOTHING;
}

// How long ago, in whole units.
export function ago(milliseconds) {
  const elapsed = Math.max(0, milliseconds) / 1000;
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = units.find(([, each]) => elapsed >= each) ?? units.at(-1);
  const format = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: "always", style: "short" });
  return elapsed < 1 ? t("time.now") : format.format(-Math.floor(elapsed / size), unit);
}

export function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString(currentLanguage(), { hour12: false });
}

export function moment(milliseconds) {
  return new Date(milliseconds).toLocaleString(currentLanguage(), { hour12: false });
}
