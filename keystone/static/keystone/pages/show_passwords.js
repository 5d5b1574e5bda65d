// Lets people see the passwords that they type. Without this script the page does the same, only without that box.
for (const label of document.querySelectorAll("[data-shows-passwords]")) {
  const box = label.querySelector("input");
  const form = label.closest("form");
  const passwords = form.querySelectorAll("input[type=password]");
  const show = (shown) => passwords.forEach((input) => { input.type = shown ? "text" : "password"; });

  box.checked = false;
  box.addEventListener("change", () => show(box.checked));
  form.addEventListener("submit", () => show(false)); // or browsers remember them like any other text
  label.hidden = false;
}
