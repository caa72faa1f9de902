// A question before something is done, with room for a reason. Outside of what is drawn again with each snapshot.
import { element, note } from "./elements.js";

// - act: given the reason, which may be empty; the dialog stays open and says why when it throws.
export function ask({ title, help, label, isGrave, act }) {
  const failure = element("div", {});
  const reason = element("input", { id: "reason", type: "text", autocomplete: "off", maxlength: "120" });
  const confirm = element("button", { type: "submit", class: isGrave ? "grave" : "main" }, label);
  const submitted = async (event) => {
    event.preventDefault();
    confirm.disabled = true;
    try {
      await act(reason.value.trim());
      dialog.close();
    } catch (error) {
      failure.replaceChildren(note(error.message, "bad"));
      confirm.disabled = false;
    }
  };
  const dialog = element("dialog", { "aria-labelledby": "question", onclose: () => dialog.remove() },
    element("form", { class: "column", onsubmit: submitted },
      element("h2", { id: "question" }, title), element("p", {}, help),
      element("label", { for: "reason" }, "Reason, for the audit log (may be left empty)"), reason, failure,
      element("div", { class: "actions" }, confirm,
        element("button", { type: "button", onclick: () => dialog.close() }, "Leave it"))));
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
}
