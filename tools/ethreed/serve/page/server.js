// What the page asks the server.

const token_key = "ethreed-token";  // kept for this tab only

class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, body) {
  const headers = {};
  const token = sessionStorage.getItem(token_key);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {method: body ? "POST" : "GET", headers, body: body ? JSON.stringify(body) : undefined});
  } catch {
    throw new ServerError(0, "The server does not answer.");
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
async function ask_with_token(path, body) {
  for (;;) {
    try {
      return await ask(path, body);
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
