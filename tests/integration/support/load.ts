import http from "node:http";
import https from "node:https";

/** How many requests begin in a second. */
export const perSecond = 24;

/** How many requests are under way at a time at most: so the load ends with what it loads. */
const atATime = 60;

/** How long one request may take, in milliseconds. */
const patience = 60_000;

/** The most of a page that is read, in bytes; what follows is thrown away. */
const pageLimit = 256 * 1024;

/** The site that is visited, on this machine. */
export interface LoadedSite {
  port: number;
  /** The name by which it is addressed. */
  serverName: string;
  /** Its certificate, in PEM. @default it speaks plain HTTP */
  certificate?: string;
}

/** Somebody with a browser, who keeps connections or makes a new one each time. */
export interface Browser {
  agent: http.Agent;
  cookies: Map<string, string>;
}

/** What a request was answered. */
export interface Answer {
  status: number;
  location: string;
  text: string;
}

/** Requests at a steady rate, over connections that are kept and over new ones in turn. Few are under way at a time. */
export class Load {
  requests = 0;
  slowestMilliseconds = 0;
  /** What was not answered as it should have been. */
  readonly failures: string[] = [];
  /** The connections that are kept. */
  readonly kept: http.Agent;
  readonly #fresh: http.Agent;
  readonly #site: LoadedSite;
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;

  constructor(site: LoadedSite) {
    this.#site = site;
    const { Agent } = site.certificate === undefined ? http : https;
    const tls = site.certificate === undefined ? {} : { ca: site.certificate, servername: site.serverName };
    this.kept = new Agent({ ...tls, keepAlive: true, maxSockets: 8 });
    this.#fresh = new Agent({ ...tls, keepAlive: false, maxSockets: atATime });
  }

  /**
   * Begins. It has to be stopped.
   *
   * @param visit makes the requests of one visit; what it throws is a failure
   */
  start(visit: (number: number, agent: http.Agent) => Promise<unknown>): void {
    this.#timer = setInterval(() => {
      if (this.#underWay.size >= atATime) return;
      const number = this.#begun++;
      const done: Promise<void> = visit(number, number % 2 === 0 ? this.kept : this.#fresh)
        .then(
          () => undefined,
          (error: unknown) => {
            this.failures.push(`${new Date().toISOString()} ${(error as Error).message}`);
          },
        )
        .finally(() => this.#underWay.delete(done));
      this.#underWay.add(done);
    }, 1000 / perSecond);
  }

  /** Ends it, when all that is under way was answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
    this.kept.destroy();
    this.#fresh.destroy();
  }

  /**
   * Makes a request as a browser does, and keeps its cookies.
   *
   * @param options.form what is sent as a form
   * @param options.isRead whether the page's text is wanted. @default it is thrown away
   * @throws Error when it is answered with another status, or not at all.
   */
  async request(
    { agent, cookies }: Browser,
    method: "GET" | "POST",
    path: string,
    status: number,
    { form, isRead = false }: { form?: Record<string, string>; isRead?: boolean } = {},
  ): Promise<Answer> {
    const { port, serverName, certificate } = this.#site;
    const what = `${method} ${path} over ${agent === this.kept ? "a kept" : "a new"} connection`;
    const body = form && new URLSearchParams(form).toString();
    const begin = Date.now();
    this.requests++;
    const answer = await new Promise<Answer>((resolve, reject) => {
      const fail = (error: Error) => {
        reject(new Error(`${what}: ${error.message}`));
      };
      const request = (certificate === undefined ? http : https).request({
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
          referer: `${certificate === undefined ? "http" : "https"}://${serverName}:${port}/`,
          ...(cookies.size > 0 && { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") }),
          ...(body !== undefined && {
            "content-type": "application/x-www-form-urlencoded",
            "content-length": Buffer.byteLength(body),
          }),
        },
      });
      request.on("timeout", () => request.destroy(new Error(`no answer in ${patience} ms`)));
      request.on("error", fail);
      request.on("response", (response) => {
        const { statusCode = 0, headers } = response;
        for (const cookie of headers["set-cookie"] ?? []) {
          const [name = "", value = ""] = (cookie.split(";")[0] ?? "").split(/=(.*)/s);
          cookies.set(name, value);
        }
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          if (isRead && text.length < pageLimit) text += chunk;
        });
        response.on("error", fail);
        response.on("end", () => {
          resolve({ status: statusCode, location: headers.location ?? "", text });
        });
      });
      request.end(body);
    }).finally(() => {
      this.slowestMilliseconds = Math.max(this.slowestMilliseconds, Date.now() - begin);
    });
    if (answer.status === status) return answer;
    throw new Error(`${what}: ${answer.status} instead of ${status}, location ${answer.location || "none"}`);
  }
}

/** The value of a hidden field of a form. */
export function hiddenField(form: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(form)?.[1];
  if (value === undefined) throw new Error(`The form has no field ${name}.`);
  return value;
}
