// A page's side of the live events: trains, loses its connection in mid-training, comes back and asks for what it lacks.
// node client.js ADDRESS TOKEN BODY; prints what it heard as JSON.
import { io } from "socket.io-client";

const [address, token, body] = process.argv.slice(2);
const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
const heard = new Map(); // number -> name of the event
const told = { connections: 0, repeated: 0, followed: null };
let training, cut = false;

async function ask(path, options = {}) {
  const answer = await fetch(address + path, { headers, ...options });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

function firstMissing() {
  let number = 1;
  while (heard.has(number)) number += 1;
  return number;
}

const socket = io(address, {
  transports: ["websocket"], auth: { token }, reconnectionDelay: 2000, randomizationFactor: 0,
});

socket.onAny((name, event) => {
  if (training && event.request_id !== training) return;
  told.repeated += heard.has(event.number);
  heard.set(event.number, name);
  if (name === "training_update" && !cut) {
    cut = true;
    socket.io.engine.close(); // as a network that breaks: the client does not mean to leave
  }
});

socket.on("connect", () => {
  told.connections += 1;
  if (told.connections === 1) return;
  const since = firstMissing();
  socket.emit("follow", { request_id: training, since }, (answer) => {
    told.followed = { since, ...answer };
  });
});

await new Promise((resolve, reject) => {
  socket.once("connect", resolve);
  socket.once("connect_error", reject);
});
training = (await ask("/train?wait=false", { method: "POST", body })).request_id;
let state;
do {
  await new Promise((resolve) => setTimeout(resolve, 200));
  state = await ask(`/trainings/${training}`);
} while (["queued", "running"].includes(state.status) || !told.followed);
await new Promise((resolve) => setTimeout(resolve, 1000)); // what is still on its way
socket.close();
const numbers = [...heard.keys()].sort((a, b) => a - b);
console.log(JSON.stringify({ ...told, status: state.status, events: state.events, numbers, names: [...heard.values()] }));
