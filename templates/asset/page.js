// Only adds to pages that work without it: shows a password, copies what an app needs, copies, downloads and prints backup codes.
"use strict";
for (const field of document.querySelectorAll('input[type="password"]')) {
  const box = document.createElement("div");
  box.className = "password";
  field.replaceWith(box);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show";
  button.textContent = "Show";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", "Show password");
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.textContent = shown ? "Show" : "Hide";
    button.setAttribute("aria-pressed", String(!shown));
  });
  box.append(field, button);
}
const codes = () => [...document.querySelectorAll("#backup-codes li")].map((item) => item.textContent.trim()).join("\n") + "\n";
const tools = document.querySelector("#code-tools");
if (tools) {
  const add = (label, work) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "second";
    button.textContent = label;
    button.addEventListener("click", () => work(button));
    tools.append(button);
  };
  add("Copy", async (button) => {
    await navigator.clipboard.writeText(codes());
    button.textContent = "Copied";
  });
  add("Download", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([codes()], { type: "text/plain" }));
    link.download = "backup-codes.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  add("Print", () => window.print());
}
for (const value of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "second slim";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${value.dataset.copy}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(value.textContent.trim());
    button.textContent = "Copied";
  });
  value.after(button);
}
