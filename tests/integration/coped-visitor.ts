import assert from "node:assert/strict";

/** One who visits a Django application as a browser does: keeps cookies, and sends forms with their tokens. */
export class Visitor {
  readonly #origin: string;
  readonly #cookies = new Map<string, string>();

  /** @param origin scheme, host and port, such as `http://localhost:1337` */
  constructor(origin: string) {
    this.#origin = origin;
  }

  async get(path: string): Promise<Response> {
    return this.#request(path, {});
  }

  /** The text of a page that answers 200. */
  async page(path: string): Promise<string> {
    const response = await this.get(path);
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text}`);
    return text;
  }

  /** Fills in the form of a page and sends it there. */
  async post(path: string, fields: Record<string, string>): Promise<Response> {
    const [, token] = /name="csrfmiddlewaretoken" value="(\w+)"/.exec(await this.page(path)) ?? [];
    assert.ok(token, `${path} has no form`);
    return this.#request(path, {
      method: "POST",
      body: new URLSearchParams({ csrfmiddlewaretoken: token, ...fields }),
      headers: { origin: this.#origin, referer: `${this.#origin}${path}` },
    });
  }

  /** Logs in to the administration. */
  async logIn(username: string, password: string): Promise<boolean> {
    const answer = await this.post("/admin/login/", { username, password });
    return answer.status === 302;
  }

  async #request(path: string, options: RequestInit): Promise<Response> {
    const headers = new Headers(options.headers);
    const cookies = [...this.#cookies].map(([name, value]) => `${name}=${value}`);
    if (cookies.length > 0) headers.set("cookie", cookies.join("; "));
    const response = await fetch(`${this.#origin}${path}`, { ...options, headers, redirect: "manual" });
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }
}
