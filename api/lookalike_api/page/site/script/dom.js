// Elements out of a tag, properties and children. Texts never become markup.

/** A new element; properties that begin with `on` are listeners, `data` and `aria` are objects. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "aria") setAria(element, value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function setAria(element, values) {
  for (const [name, value] of Object.entries(values)) {
    element.setAttribute(`aria-${name}`, value);
  }
}

/** Replace those of an element's children that have changed; whoever is in their midst stays.
 *
 * Two that look the same must do the same: the old one's listeners stay with it.
 */
export function redraw(element, children) {
  const held = focusable(element).indexOf(document.activeElement);
  const old = [...element.children];
  children.forEach((fresh, n) => {
    if (!old[n]) element.append(fresh);
    else if (!old[n].isEqualNode(fresh)) old[n].replaceWith(fresh);
  });
  for (const gone of old.slice(children.length)) gone.remove();
  const is_lost = held >= 0 && !element.contains(document.activeElement);
  if (is_lost) focusable(element)[held]?.focus();
}

const focusable = (element) => [...element.querySelectorAll("a, button")];

/** The call, at most once in `wait_ms`. */
export function paced(call, wait_ms) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      call();
    }, wait_ms);
  };
}

/** The last call, once `wait_ms` have passed without a further one. */
export function calmed(call, wait_ms) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...given), wait_ms);
  };
}
