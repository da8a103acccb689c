// What a reader may do with the page: sort tables, and hide runs. Without it all stays readable.
"use strict";

function button(text, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

// What a row is sorted by: its number, its text, or null where it is not defined.
function key(row, column) {
  const { value } = row.cells[column].dataset;
  if (value === undefined) return row.cells[column].textContent.trim();
  return value === "" ? null : Number(value);
}

// Undefined comes last, whichever way it goes; what is level keeps its order.
function compared(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
}

function sort(header) {
  const [body] = header.closest("table").tBodies;
  const was = header.getAttribute("aria-sort");
  const order = was ? { ascending: "descending", descending: "ascending" }[was] : header.dataset.sort;
  const sign = order === "ascending" ? 1 : -1;
  const column = header.cellIndex;
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  body.append(...[...body.rows].sort((a, b) => compared(key(a, column), key(b, column), sign)));
}

// What speaks of two runs is hidden with either.
const hidden = new Set();

function show(run, shown) {
  hidden[shown ? "delete" : "add"](run);
  for (const element of document.querySelectorAll(`main [data-run~="${run}"]`)) {
    element.classList.toggle("off", element.dataset.run.split(" ").some((name) => hidden.has(name)));
  }
}

for (const header of document.querySelectorAll("th[data-sort]")) {
  const text = header.textContent.trim();
  header.replaceChildren(button(text, header.dataset.label, () => sort(header)));
}

for (const item of document.querySelectorAll(".runs li")) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = true;
  box.addEventListener("change", () => show(item.dataset.run, box.checked));
  label.append(box, ...item.childNodes);
  item.append(label);
}
