// What unfold's pages lack for keyboards and screen readers, and what no template of theirs can be overridden for.

// Icons are ligatures of a font: without this, their names are read aloud as words.
const hideIcons = (root) =>
  root.querySelectorAll?.(".material-symbols-outlined:not([aria-hidden])").forEach((icon) => {
    icon.setAttribute("aria-hidden", "true");
  });

// select2's boxes get the name of the field that they stand for.
const nameOf = (select) =>
  (select.labels?.[0]?.textContent ?? select.getAttribute("aria-label") ?? select.name ?? "").trim();
const nameSelects = (root) =>
  root.querySelectorAll?.("select.select2-hidden-accessible").forEach((select) => {
    const container = select.nextElementSibling;
    container
      ?.querySelectorAll(".select2-selection--single, .select2-selection__rendered[role], .select2-search__field")
      .forEach((box) => box.setAttribute("aria-label", nameOf(select)));
  });

// Tables that scroll sideways can be scrolled by keyboard.
const reachScrollers = (root) =>
  root.querySelectorAll?.(".overflow-x-auto, .k-scroll").forEach((box) => {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (scrolls && !box.querySelector("a, button, input")) box.tabIndex = 0;
  });

// Fields of several parts, such as a date with its time, and groups of choices are named by the one label they have.
const nameParts = (root) => {
  root.querySelectorAll?.(".vDateField, .vTimeField").forEach((part) => {
    const label = part.closest(".form-field, .field-line, fieldset")?.querySelector("label, legend");
    if (label) part.setAttribute("aria-label", `${label.textContent.trim()}: ${part.placeholder}`);
  });
  root.querySelectorAll?.("div[id^=id_]:has(> div input[type=radio])").forEach((group) => {
    const label = group.parentElement.closest("div:has(> label), div:has(label)")?.querySelector("label:not(:has(input))");
    group.setAttribute("role", "radiogroup");
    if (label && !label.contains(group)) group.setAttribute("aria-label", label.textContent.trim());
  });
};

// The names of the filters stand under the page's only heading, without one between.
const levelHeadings = (root) =>
  root.querySelectorAll?.("#changelist-filter h3").forEach((heading) => heading.setAttribute("aria-level", "2"));

const improve = (root) => [hideIcons, nameSelects, nameParts, reachScrollers, levelHeadings].forEach((step) => step(root));

document.addEventListener("DOMContentLoaded", () => {
  improve(document);
  new MutationObserver((changes) => {
    for (const { target } of changes) improve(target.parentElement ?? target);
  }).observe(document.body, { childList: true, subtree: true });
  const command = document.getElementById("search-input-command");
  command?.setAttribute("aria-label", command.placeholder);
  document.getElementById("command-submit")?.setAttribute("aria-label", command?.placeholder ?? "");
  // A list's dropdown, which stands outside the page's parts, when it opens.
  window.django?.jQuery?.(document).on("select2:open", ({ target }) => {
    const dropdown = document.querySelector("body > .select2-container--open");
    dropdown?.setAttribute("role", "region");
    dropdown?.setAttribute("aria-label", nameOf(target));
    dropdown?.querySelector(".select2-search__field")?.setAttribute("aria-label", nameOf(target));
    target.nextElementSibling?.querySelector("[role=combobox]")
      ?.setAttribute("aria-controls", `select2-${target.id}-results`);
  });
});

// unfold's shortcuts of one key cannot be switched off, and fire while somebody speaks to the page (WCAG 2.1.4).
window.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  const isCharacter = event.key.length === 1 && event.key !== " ";
  if (isCharacter && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) event.stopImmediatePropagation();
}, { capture: true });
