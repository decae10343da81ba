// Who decides: noted with rules and reviews, and kept in this browser so that it is typed once.

const STORED = "millrace-author";

export function author() {
  return localStorage.getItem(STORED) ?? "";
}

export function keepAuthor(name) {
  localStorage.setItem(STORED, name);
}
