// The conversation: it is here and nowhere else, and goes to the server whole with every post.

let models = [];
let limits = {history: 200, body: 65536};
let turns = [];
let pending = null;  // stops the request that is under way

const chosen_model = () => models.find((model) => model.name === by_id("model").value);

// What was said before turn `end`, as the server wants it.
function history_before(end) {
  const history = [];
  for (const turn of turns.slice(0, end)) {
    const reply = turn.answers[turn.used].record.reply;
    history.push({party: "speaker", text: turn.text});
    if (reply) history.push({party: "listener", text: reply});
  }
  return history.slice(-limits.history);
}

function request_for(text, end) {
  const model = chosen_model();
  const seed = Number(by_id("seed").value);
  const request = {model: model.name, text, history: history_before(end), decode: by_id("decode").value,
    latent: by_id("latent").value, seed: Number.isSafeInteger(seed) && seed >= 0 ? seed : 1, attention: model.attention};
  if (model.reply_emotions && by_id("emotion").value) request.reply_emotion = by_id("emotion").value;
  // What was said first is left out where the whole is more than the server reads.
  while (request.history.length > 1 && new Blob([JSON.stringify(request)]).size > limits.body) request.history.shift();
  return request;
}

// Only what has changed is drawn again: a screen reader tells it, and what is open elsewhere stays open.
function draw() {
  by_id("nothing").hidden = turns.length > 0;
  const list = by_id("turns");
  while (list.children.length > turns.length) list.lastElementChild.remove();
  turns.forEach((turn, t) => {
    const state = `${turn.answers.length} ${turn.used}`;
    if (turn.drawn === state && list.children[t] === turn.element) return;
    const made = turn_element(turn, t + 1, {
      change: () => { turns.length = t + 1; draw(); },  // what followed was said after another reply
      compare,
    });
    if (list.children[t]) list.children[t].replaceWith(made);
    else list.append(made);
    turn.element = made;
    turn.drawn = state;
  });
  [...list.children].forEach((made, t) => {
    const button = made.querySelector(".compare");
    if (button) button.hidden = t + 1 < turns.length;
  });
  const model = chosen_model();
  draw_line(turns.filter((turn) => turn.model === model).map((turn) => turn.answers[turn.used].record), model);
}

// What was said and the words of the reply that have come. It is not read aloud: the finished turn is. Who wants no
// motion sees the finished turn, too.
const still = matchMedia("(prefers-reduced-motion: reduce)");
function show_coming(text, reply) {
  by_id("coming").hidden = still.matches;
  by_id("coming-post").textContent = text;
  by_id("coming-reply").textContent = reply;
}

// `work` is given what stops it.
async function while_busy(work) {
  if (pending) return;
  const mine = new AbortController();
  pending = mine;
  by_id("send").disabled = true;
  by_id("stop").hidden = false;
  by_id("state").textContent = "It answers …";
  forget_errors();
  try {
    await work(mine.signal);
    by_id("state").textContent = "";
  } catch (error) {
    by_id("state").textContent = error instanceof Stopped ? "Stopped." : "";
    if (error instanceof Stopped) return;
    if (!(error instanceof ServerError)) throw error;
    show_error(error.message);
  } finally {
    pending = null;
    by_id("send").disabled = false;
    if (document.activeElement === by_id("stop")) by_id("post").focus();  // it goes, and the focus would with it
    by_id("stop").hidden = true;
    by_id("coming").hidden = true;
  }
}

const say = () => while_busy(async (signal) => {
  const text = by_id("post").value.trim();
  if (!text) return;
  const request = request_for(text, turns.length);
  const model = chosen_model();  // another one may be chosen while it answers
  show_coming(text, "…");
  const record = await ask_with_token("/v1/reply", {...request, stream: true},
    {signal, word: (event) => show_coming(text, event.reply)});
  by_id("coming").hidden = true;
  turns.push({text, used: 0, model, answers: [{record, emotion: request.reply_emotion || ""}]});
  by_id("post").value = "";
  draw();
  by_id("post").focus();
  by_id("turns").lastElementChild.scrollIntoView({block: "nearest"});
});

const compare = () => while_busy(async (signal) => {
  const turn = turns[turns.length - 1];
  const request = request_for(turn.text, turns.length - 1);
  const emotion = request.reply_emotion || "";
  if (turn.answers.some((answer) => answer.emotion === emotion)) {
    show_error(emotion ? `The reply as ${emotion} is there; choose another emotion.` : "Choose an emotion of the reply first.");
    by_id("emotion").focus();
    return;
  }
  const record = await ask_with_token("/v1/reply", request, {signal});
  turn.answers.push({record, emotion});
  draw();
});

function choose_model() {
  const model = chosen_model();
  const emotions = model.reply_emotions || [];
  by_id("emotion").replaceChildren(element("option", {value: ""}, emotions.length > 0 ? "what the policy plans" : "this model plans none"),
    ...emotions.map((name) => element("option", {value: name}, name)));
  by_id("emotion").disabled = emotions.length === 0;
  by_id("latent").disabled = !model.latent;
  const lacks = [model.insights.length > 0 ? "" : "tracks no emotions", model.attention ? "" : "has no pointer that looks at single words",
    model.latent ? "" : "plans nothing that could be drawn"].filter(Boolean);
  by_id("about").textContent = `${model.model}${model.variant && model.variant !== "none" ? `, ${model.variant}` : ""}: ` +
    `${model.parameters.toLocaleString("en")} parameters, ${model.vocabulary.toLocaleString("en")} words.` +
    (lacks.length > 0 ? ` It ${lacks.join(", ")}.` : "");
  draw();
}

async function begin() {
  const answer = await ask_with_token("/v1/models");
  models = answer.models;
  limits = answer.limits;
  by_id("model").replaceChildren(...models.map((model) => element("option", {value: model.name}, model.name)));
  by_id("model").addEventListener("change", choose_model);
  by_id("say").addEventListener("submit", (event) => { event.preventDefault(); say(); });
  by_id("options").addEventListener("submit", (event) => event.preventDefault());
  by_id("post").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    say();
  });
  by_id("forget").addEventListener("click", () => {
    if (pending) pending.abort();
    turns = [];
    forget_errors();
    draw();
    by_id("post").focus();
  });
  by_id("stop").addEventListener("click", () => { if (pending) pending.abort(); });
  choose_model();
  document.documentElement.dataset.ready = "yes";
  by_id("post").focus();
}

begin().catch((error) => show_error(error.message));
