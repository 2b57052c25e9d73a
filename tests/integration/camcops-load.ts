import https from "node:https";
import type { Site } from "./camcops-browser.ts";

/** How many requests begin in a second. */
const perSecond = 24;

/** How many requests are under way at a time at most: so the load ends with what it loads. */
const atATime = 60;

/** How long one request may take, in milliseconds. */
const patience = 60_000;

/** The most of a page that is read, in bytes; what follows is thrown away. */
const pageLimit = 256 * 1024;

/** What a load was answered. */
export interface LoadResult {
  requests: number;
  /** What was not answered as it should have been. */
  failures: string[];
  slowestMilliseconds: number;
  /** Logins by form that were accepted. */
  logins: number;
  /** The notes that were sent by form and accepted. */
  notes: string[];
}

interface Answer {
  status: number;
  location: string;
  text: string;
}

/** Somebody with a session of CamCOPS. */
interface Visitor {
  agent: https.Agent;
  cookies: Map<string, string>;
}

/** A user of CamCOPS. */
export interface User {
  username: string;
  password: string;
}

export interface LoadArgs {
  site: Site;
  /** Who sees pages and sends notes. */
  visitor: User;
  /** Who logs in again and again: CamCOPS keeps one session of each user. */
  other: User;
  /** The questionnaire BADLS that gets the notes. */
  serverPk: number;
}

/**
 * Visitors of CamCOPS: pages, notes and logins, the latter two sent as forms; over connections that are kept and over new
 * ones in turn. It keeps no page in memory, and has few requests under way.
 */
export class Load {
  readonly #args: LoadArgs;
  readonly #kept: https.Agent;
  readonly #fresh: https.Agent;
  readonly #result: LoadResult = { requests: 0, failures: [], slowestMilliseconds: 0, logins: 0, notes: [] };
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;

  private constructor(args: LoadArgs) {
    this.#args = args;
    const tls = { ca: args.site.certificate, servername: args.site.serverName };
    this.#kept = new https.Agent({ ...tls, keepAlive: true, maxSockets: 8 });
    this.#fresh = new https.Agent({ ...tls, keepAlive: false, maxSockets: atATime });
  }

  /** Logs in, agrees to the terms of use, and begins. It has to be stopped. */
  static async start(args: LoadArgs): Promise<Load> {
    const load = new Load(args);
    const visitor: Visitor = { agent: load.#kept, cookies: new Map() };
    const token = await load.#login(visitor, args.visitor);
    await load.#post(visitor, "/offer_terms", { csrf_token: token, submit: "submit" });
    load.#timer = setInterval(() => {
      load.#begin(visitor, token);
    }, 1000 / perSecond);
    return load;
  }

  /** Ends it, when all that is under way was answered. */
  async stop(): Promise<LoadResult> {
    clearInterval(this.#timer);
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    this.#kept.destroy();
    this.#fresh.destroy();
    return this.#result;
  }

  #begin(visitor: Visitor, token: string): void {
    if (this.#underWay.size >= atATime) return;
    const number = this.#begun++;
    const agent = number % 2 === 0 ? this.#kept : this.#fresh;
    const work =
      number % perSecond === 7
        ? this.#login({ agent, cookies: new Map() }, this.#args.other)
        : number % 12 < 2
          ? this.#note({ ...visitor, agent }, token, `Note ${number} of the load`)
          : this.#view({ ...visitor, agent });
    const done: Promise<void> = work
      .then(
        () => undefined,
        (error: unknown) => {
          this.#result.failures.push(`${new Date().toISOString()} ${(error as Error).message}`);
        },
      )
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  async #view(visitor: Visitor): Promise<void> {
    expect(await this.#request(visitor, "GET", "/"), 200);
  }

  async #login(visitor: Visitor, { username, password }: User): Promise<string> {
    const form = expect(await this.#request(visitor, "GET", "/login"), 200).text;
    const token = hiddenField(form, "csrf_token");
    const redirect = hiddenField(form, "redirect_url");
    await this.#post(visitor, "/login", {
      csrf_token: token,
      username,
      password,
      redirect_url: redirect,
      submit: "submit",
    });
    this.#result.logins++;
    return token;
  }

  async #note(visitor: Visitor, token: string, note: string): Promise<void> {
    await this.#post(visitor, "/add_special_note", {
      csrf_token: token,
      table_name: "badls",
      server_pk: String(this.#args.serverPk),
      note,
      __start__: "danger:mapping",
      target: "1234",
      user_entry: "1234",
      __end__: "danger:mapping",
      submit: "submit",
    });
    this.#result.notes.push(note);
  }

  /** Sends a form. CamCOPS sends those elsewhere whose form it has accepted, and shows it again to others. */
  async #post(visitor: Visitor, path: string, fields: Record<string, string>): Promise<void> {
    const form = new URLSearchParams({ _charset_: "UTF-8", __formid__: "deform", ...fields }).toString();
    expect(await this.#request(visitor, "POST", path, form), 302);
  }

  #request({ agent, cookies }: Visitor, method: "GET" | "POST", path: string, form?: string): Promise<Answer> {
    const { port, serverName } = this.#args.site;
    const what = `${method} ${path} over ${agent === this.#kept ? "a kept" : "a new"} connection`;
    const begin = Date.now();
    this.#result.requests++;
    return new Promise<Answer>((resolve, reject) => {
      const fail = (error: Error) => {
        reject(new Error(`${what}: ${error.message}`));
      };
      const request = https.request({
        host: "127.0.0.1",
        port,
        agent,
        method,
        path,
        timeout: patience,
        headers: {
          host: `${serverName}:${port}`,
          // Nobody believes a client that says where it comes from.
          "x-forwarded-for": "203.0.113.7",
          referer: `https://${serverName}:${port}/`,
          ...(cookies.size > 0 && { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") }),
          ...(form !== undefined && {
            "content-type": "application/x-www-form-urlencoded",
            "content-length": Buffer.byteLength(form),
          }),
        },
      });
      request.on("timeout", () => request.destroy(new Error(`no answer in ${patience} ms`)));
      request.on("error", fail);
      request.on("response", (response) => {
        const { statusCode: status = 0, headers } = response;
        for (const cookie of headers["set-cookie"] ?? []) {
          const [name = "", value = ""] = (cookie.split(";")[0] ?? "").split(/=(.*)/s);
          cookies.set(name, value);
        }
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          if (path === "/login" && text.length < pageLimit) text += chunk;
        });
        response.on("error", fail);
        response.on("end", () => {
          resolve({ status, location: headers.location ?? "", text });
        });
      });
      request.end(form);
    })
      .then((answer) => ({ ...answer, what }))
      .finally(() => {
        this.#result.slowestMilliseconds = Math.max(this.#result.slowestMilliseconds, Date.now() - begin);
      });
  }
}

function expect<A extends Answer & { what?: string }>(answer: A, status: number): A {
  if (answer.status === status) return answer;
  throw new Error(`${answer.what ?? ""}: ${answer.status} instead of ${status}, location ${answer.location || "none"}`);
}

function hiddenField(form: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(form)?.[1];
  if (value === undefined) throw new Error(`The form has no field ${name}.`);
  return value;
}
