// Goes on once the apps' frames have loaded; without script the page does so by itself, or the person presses the link.
"use strict";
const link = document.querySelector("#continue");
if (link) {
  const go = () => location.replace(link.href);
  window.addEventListener("load", go);
  setTimeout(go, 2000);
}
