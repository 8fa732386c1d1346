// What the page waits for, in words, until the dashboard stands; then a look now and then whether its process still runs.
// The names voila_process, voila_heartbeat, voila_finish and display_cells are the ones that Voila calls.
(() => {
  const text = (words) => { const place = document.getElementById("loading_text"); if (place) place.textContent = words; };
  const ended = (words) => {
    document.getElementById("loading")?.remove();
    const place = document.getElementById("ended");
    if (place.textContent !== words) place.textContent = words;
  };
  const show = () => {
    document.getElementById("loading")?.remove();
    document.getElementById("rendered_cells").style.display = "";
  };

  window.voila_process = (step, steps) => text(`Preparing the dashboard: step ${step} of ${steps}`);
  window.voila_heartbeat = () => text("Still preparing: the machine is busy, or much has to be read");
  window.display_cells = () => {};
  window.voila_finish = () => {
    text("Drawing the dashboard");
    const cells = document.getElementById("rendered_cells");
    const promised = [...cells.querySelectorAll('script[type="application/vnd.voila.cell-output+json"]')].some((s) => s.text.includes("jupyter.widget-view"));
    cells.style.display = "";
    if (!promised) {
      show();
      if (!cells.querySelector(".jp-OutputArea-child")) ended("The notebook ran, but its dashboard did not arrive. Please load the page again.");
      return;
    }
    const stands = () => cells.querySelector(".jupyter-widgets") !== null;
    const watch = new MutationObserver(() => { if (stands()) { watch.disconnect(); show(); } });
    watch.observe(document.body, { childList: true, subtree: true });
    setTimeout(() => {
      if (!stands()) ended("The dashboard could not be drawn within a minute. Please load the page again.");
    }, 60000);
  };

  let silent = false;
  const look = async () => {
    const config = document.getElementById("jupyter-config-data");
    if (!config) return true;
    const { baseUrl, kernelId } = JSON.parse(config.text);
    try {
      const answer = await fetch(`${baseUrl}api/kernels/${kernelId}`, { cache: "no-store" });
      if (answer.status === 404) {
        ended("The Python process behind this page has ended, so nothing here answers any more. Load the page again to get a new one; saved networks are still there.");
        return false;
      }
      if (silent) document.getElementById("ended").textContent = "";
      silent = false;
    } catch {
      silent = true;
      ended("The server behind this page does not answer. If it was stopped, start it again and load the page again.");
    }
    return true;
  };
  let leaving = false;
  addEventListener("beforeunload", () => { leaving = true; });
  const again = async () => { if (!leaving && await look()) setTimeout(again, 4000); };
  setTimeout(again, 8000);
})();
