// Decisions in the admin: a chosen saved reason is copied into the text field, and an offer to undo goes with its time.
// Without this script the server does the same.
document.addEventListener("DOMContentLoaded", () => {
  const choice = document.querySelector("select[data-saved-reasons]");
  const reason = document.getElementById("id_reason");
  if (choice && reason) {
    let copied = "";
    choice.addEventListener("change", () => {
      const text = choice.selectedOptions[0].dataset.text || "";
      if (reason.value.trim() === copied.trim()) { // never over what somebody typed
        reason.value = copied = text;
      }
      reason.focus();
    });
  }
  for (const offer of document.querySelectorAll(".k-undo[data-seconds]")) {
    setTimeout(() => offer.querySelector("form")?.remove(), offer.dataset.seconds * 1000);
  }
});
