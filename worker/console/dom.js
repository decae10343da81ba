// Elements. Texts become text nodes and nothing else: titles come from outside, and no markup in them ever counts.

// An element with attributes, listeners (`on: {click: f}`) and children; null and false are left out.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  return fill(element, ...children);
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

// Gives an element these children in place of those that it has.
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

// Tells those who do not see the screen.
export function announce(text) {
  byId("announcement").textContent = text;
}

let made = 0;

// An id for what a label or a description points to.
export function freshId(prefix) {
  made += 1;
  return `${prefix}-${made}`;
}
