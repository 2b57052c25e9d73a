import { hiddenField, Load, type Browser, type LoadedSite } from "./support/load.ts";

export interface DjangoLoadArgs {
  site: LoadedSite;
  /** Who adds data sets. */
  superuser: { username: string; password: string };
}

/** Visitors of the application in `templates/django`: its page, and data sets that are added by form. */
export class DjangoLoad {
  readonly #load: Load;
  readonly #added: string[] = [];

  private constructor(site: LoadedSite) {
    this.#load = new Load(site);
  }

  /** Logs in and begins. It has to be stopped. */
  static async start({ site, superuser }: DjangoLoadArgs): Promise<DjangoLoad> {
    const own = new DjangoLoad(site);
    const cookies = new Map<string, string>();
    const login = { agent: own.#load.kept, cookies };
    await own.#post(login, "/admin/login/", await own.#token(login, "/admin/login/"), superuser);
    const token = await own.#token(login, "/admin/catalogue/dataset/add/");
    own.#load.start((number, agent) =>
      number % 4 === 0
        ? own.#add({ agent, cookies }, token, `Data set ${String(number).padStart(5, "0")}`)
        : own.#load.request({ agent, cookies }, "GET", "/", 200),
    );
    return own;
  }

  /** Ends it, when all that is under way was answered; with the titles of the data sets that were accepted. */
  async stop(): Promise<Pick<Load, "requests" | "failures"> & { added: string[] }> {
    await this.#load.stop();
    const { requests, failures } = this.#load;
    return { requests, failures, added: this.#added };
  }

  async #token(browser: Browser, path: string): Promise<string> {
    const { text } = await this.#load.request(browser, "GET", path, 200, { isRead: true });
    return hiddenField(text, "csrfmiddlewaretoken");
  }

  async #add(browser: Browser, token: string, title: string): Promise<void> {
    await this.#post(browser, "/admin/catalogue/dataset/add/", token, { title, description: "" });
    this.#added.push(title);
  }

  /** Sends a form. Django sends those elsewhere whose form it has accepted, and shows it again to others. */
  async #post(browser: Browser, path: string, token: string, fields: Record<string, string>): Promise<void> {
    await this.#load.request(browser, "POST", path, 302, { form: { csrfmiddlewaretoken: token, ...fields } });
  }
}
