// What the browsable API's page lacks for screen readers and keyboards, and has no block of its template for.
document.documentElement.lang = document.currentScript.dataset.language;
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".dropdown-toggle:not([aria-label])").forEach((button) => {
    button.setAttribute("aria-label", button.title || button.dataset.originalTitle || button.textContent.trim());
  });
  document.querySelectorAll("pre").forEach((text) => {
    text.tabIndex = 0;
  });
});
