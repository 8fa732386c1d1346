const rows = [...document.querySelectorAll(".ledger tbody tr")];
const texts = rows.map((row) => row.textContent.toLowerCase());
const [words, verdict, kind, shown] = ["words", "verdict", "kind", "shown"].map((id) => document.getElementById(id));
function filter() {
  const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  rows.forEach((row, at) => {
    row.hidden =
      (verdict.value && row.dataset.verdict !== verdict.value) ||
      (kind.value && row.dataset.kind !== kind.value) ||
      !asked.every((word) => texts[at].includes(word));
    count += !row.hidden;
  });
  shown.value = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
}
[words, verdict, kind].forEach((field) => field.addEventListener("input", filter));
words.form.addEventListener("submit", (event) => event.preventDefault());
filter(); // a browser that goes back keeps what was asked
