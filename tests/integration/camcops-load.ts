import type { Site } from "./camcops-browser.ts";
import { hiddenField, Load, perSecond, type Browser } from "./support/load.ts";

/** What a load was answered. */
export interface LoadResult extends Pick<Load, "requests" | "failures" | "slowestMilliseconds"> {
  /** Logins by form that were accepted. */
  logins: number;
  /** The notes that were sent by form and accepted. */
  notes: string[];
}

/** A user of CamCOPS. */
export interface User {
  username: string;
  password: string;
}

export interface CamcopsLoadArgs {
  site: Site;
  /** Who sees pages and sends notes. */
  visitor: User;
  /** Who logs in again and again: CamCOPS keeps one session of each user. */
  other: User;
  /** The questionnaire BADLS that gets the notes. */
  serverPk: number;
}

/** Visitors of CamCOPS: pages, notes and logins, the latter two sent as forms. */
export class CamcopsLoad {
  readonly #args: CamcopsLoadArgs;
  readonly #load: Load;
  readonly #notes: string[] = [];
  #logins = 0;

  private constructor(args: CamcopsLoadArgs) {
    this.#args = args;
    this.#load = new Load(args.site);
  }

  /** Logs in, agrees to the terms of use, and begins. It has to be stopped. */
  static async start(args: CamcopsLoadArgs): Promise<CamcopsLoad> {
    const own = new CamcopsLoad(args);
    const { cookies, ...browser }: Browser = { agent: own.#load.kept, cookies: new Map() };
    const token = await own.#login({ ...browser, cookies }, args.visitor);
    await own.#post({ ...browser, cookies }, "/offer_terms", { csrf_token: token, submit: "submit" });
    own.#load.start((number, agent) => {
      if (number % perSecond === 7) return own.#login({ agent, cookies: new Map() }, args.other);
      return number % 12 < 2
        ? own.#note({ agent, cookies }, token, `Note ${number} of the load`)
        : own.#load.request({ agent, cookies }, "GET", "/", 200);
    });
    return own;
  }

  /** Ends it, when all that is under way was answered. */
  async stop(): Promise<LoadResult> {
    await this.#load.stop();
    const { requests, failures, slowestMilliseconds } = this.#load;
    return { requests, failures, slowestMilliseconds, logins: this.#logins, notes: this.#notes };
  }

  async #login(browser: Browser, { username, password }: User): Promise<string> {
    const { text } = await this.#load.request(browser, "GET", "/login", 200, { isRead: true });
    const token = hiddenField(text, "csrf_token");
    await this.#post(browser, "/login", {
      csrf_token: token,
      username,
      password,
      redirect_url: hiddenField(text, "redirect_url"),
      submit: "submit",
    });
    this.#logins++;
    return token;
  }

  async #note(browser: Browser, token: string, note: string): Promise<void> {
    await this.#post(browser, "/add_special_note", {
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
    this.#notes.push(note);
  }

  /** Sends a form. CamCOPS sends those elsewhere whose form it has accepted, and shows it again to others. */
  async #post(browser: Browser, path: string, fields: Record<string, string>): Promise<void> {
    const form = { _charset_: "UTF-8", __formid__: "deform", ...fields };
    await this.#load.request(browser, "POST", path, 302, { form });
  }
}
