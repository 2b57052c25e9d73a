import type { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import tls from "node:tls";

/** Where a CamCOPS web server listens, and how it proves that it is the one. */
export interface Site {
  port: number;
  /** The name, or IP address, that is sent to the server, and that its certificate is verified for. */
  serverName: string;
  /** The only PEM certificate to trust. */
  certificate: string;
  /** The address that the browser has. @default the system's choice */
  clientAddress?: string;
  /** Headers that it sends with each request, besides the usual ones. @default none */
  headers?: Record<string, string>;
}

/** How TLS is spoken with a site. An IP address is never sent as a server's name (RFC 6066). */
function tlsOptions({ port, serverName, certificate }: Site) {
  return {
    host: "127.0.0.1",
    port,
    servername: isIP(serverName) === 0 ? serverName : "",
    checkServerIdentity: (_: string, served: tls.PeerCertificate) => tls.checkServerIdentity(serverName, served),
    ca: certificate,
  };
}

export interface Page {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** A browser's part in talking to CamCOPS: verified TLS on the loopback address, cookies, redirections, forms. */
export class Browser {
  readonly #site: Site;
  readonly #cookies = new Map<string, string>();
  /** Where it was redirected to, in order. */
  readonly redirections: string[] = [];

  constructor(site: Site) {
    this.#site = site;
  }

  /** Gets a page, after all redirections. */
  async get(path: string): Promise<Page> {
    return this.#follow(await this.#request("GET", path));
  }

  /** Sends a form, as the browser's button does, and gets the page that follows. */
  async post(path: string, fields: Record<string, string>): Promise<Page> {
    return this.#follow(await this.#request("POST", path, new URLSearchParams(fields).toString()));
  }

  /** Fills the login form in and sends it. Returns the page that CamCOPS shows then. */
  async login(username: string, password: string): Promise<Page> {
    const form = (await this.get("/login")).body.toString();
    return this.post("/login", {
      _charset_: "UTF-8",
      __formid__: "deform",
      csrf_token: hiddenField(form, "csrf_token"),
      username,
      password,
      redirect_url: hiddenField(form, "redirect_url"),
      submit: "submit",
    });
  }

  /** Agrees to the terms of use, without which CamCOPS shows nothing else to somebody who has logged in. */
  async agreeToTerms(): Promise<Page> {
    const form = (await this.get("/offer_terms")).body.toString();
    return this.post("/offer_terms", {
      _charset_: "UTF-8",
      __formid__: "deform",
      csrf_token: hiddenField(form, "csrf_token"),
      submit: "submit",
    });
  }

  /** Whether the home page is one for somebody who has logged in. */
  async isLoggedIn(): Promise<boolean> {
    return (await this.get("/")).body.includes("/logout");
  }

  async #follow(page: Page): Promise<Page> {
    const { location } = page.headers;
    if (page.status < 300 || page.status > 399 || location === undefined) return page;
    this.redirections.push(location);
    const { pathname, search } = new URL(location, `https://${this.#site.serverName}`);
    return this.#follow(await this.#request("GET", pathname + search));
  }

  #request(method: "GET" | "POST", path: string, form?: string): Promise<Page> {
    const { port, serverName, clientAddress, headers = {} } = this.#site;
    return new Promise((resolve, reject) => {
      const request = https.request({
        ...tlsOptions(this.#site),
        ...(clientAddress !== undefined && { localAddress: clientAddress }),
        agent: false,
        method,
        path,
        headers: {
          ...headers,
          host: `${serverName}:${port}`,
          referer: `https://${serverName}:${port}/login`,
          ...(this.#cookies.size > 0 && { cookie: [...this.#cookies].map((pair) => pair.join("=")).join("; ") }),
          ...(form !== undefined && {
            "content-type": "application/x-www-form-urlencoded",
            "content-length": Buffer.byteLength(form),
          }),
        },
      });
      request.on("error", reject);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        for (const cookie of response.headers["set-cookie"] ?? []) {
          const [name = "", value = ""] = (cookie.split(";")[0] ?? "").split(/=(.*)/s);
          this.#cookies.set(name, value);
        }
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      request.end(form);
    });
  }
}

/** The certificate that a web server serves, after it was verified. */
export function servedCertificate(site: Site): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect(tlsOptions(site), () => {
      const served = socket.getPeerX509Certificate();
      socket.destroy();
      if (served === undefined) reject(new Error("There is no certificate."));
      else resolve(served);
    });
    socket.on("error", reject);
  });
}

function hiddenField(form: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(form)?.[1];
  if (value === undefined) throw new Error(`The form has no field ${name}:\n${form}`);
  return value;
}
