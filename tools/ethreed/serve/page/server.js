// What the page asks the server.

const token_key = "ethreed-token";  // kept for this tab only

class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The person has stopped it.
class Stopped extends Error {}

// Of a stream of server-sent events: calls `word` with every event of that name, returns what the last one brings.
async function read_events(response, word) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) throw new ServerError(0, "The server's answer broke off. Send it again.");
    text += decoder.decode(value, {stream: true});
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [name, data] = text.slice(0, end).split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
      text = text.slice(end + 2);
      const content = JSON.parse(data);
      if (name === "word") word(content);
      else if (name === "reply") return content;
      else throw new ServerError(content.error.status, content.error.message);
    }
  }
}

// `word`: what is done with each word of a reply that comes word by word; `signal`: of what stops it.
async function ask(path, body, {word, signal} = {}) {
  try {
    return await ask_once(path, body, word, signal);
  } catch (error) {
    if (signal && signal.aborted) throw new Stopped();
    throw error;
  }
}

async function ask_once(path, body, word, signal) {
  const headers = {};
  const token = sessionStorage.getItem(token_key);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {method: body ? "POST" : "GET", headers, signal, body: body ? JSON.stringify(body) : undefined});
  } catch {
    throw new ServerError(0, "The server does not answer.");
  }
  if ((response.headers.get("Content-Type") || "").startsWith("text/event-stream")) {
    try {
      return await read_events(response, word);
    } catch (error) {
      if (error instanceof ServerError) throw error;
      throw new ServerError(0, "The server's answer broke off. Send it again.");
    }
  }
  let content = null;
  try {
    content = await response.json();
  } catch {
    throw new ServerError(response.status, `The server's answer is no JSON (status ${response.status}).`);
  }
  if (!response.ok) throw new ServerError(response.status, content.error ? content.error.message : `status ${response.status}`);
  return content;
}

// Asks again once the person has given the token that is wanted.
async function ask_with_token(path, body, options) {
  for (;;) {
    try {
      return await ask(path, body, options);
    } catch (error) {
      if (error.status !== 401) throw error;
      await new Promise((given) => {
        const form = by_id("token");
        form.hidden = false;
        by_id("secret").focus();
        form.onsubmit = (event) => {
          event.preventDefault();
          sessionStorage.setItem(token_key, by_id("secret").value.trim());
          by_id("secret").value = "";
          form.hidden = true;
          given();
        };
      });
    }
  }
}
