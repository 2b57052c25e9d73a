import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildImage, builtReference } from "../../components/build.ts";
import { proxyImage } from "../fixtures/proxy-image/context.ts";
import { assertExit } from "./support/processes.ts";
import type { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

/** What the guide's snippets are fitted to. */
export interface ProxySite {
  /** Port of the loopback address on which the proxy listens. */
  port: number;
  serverName: string;
  /** Port of the loopback address on which CamCOPS speaks plain HTTP. */
  upstreamPort: number;
  /** PEM: the server's certificate and those of its issuers. */
  certificate: string;
  privateKey: string;
}

/** The web servers for which the guide has a snippet. */
export const proxies = ["nginx", "apache"] as const;

const guide = readFileSync(new URL("../../docs/camcops.md", import.meta.url), "utf8");

/** Starts nginx or Apache on the host's network, configured by the guide's snippet, and waits until it answers. */
export async function startProxy(sandbox: Sandbox, which: (typeof proxies)[number], site: ProxySite): Promise<void> {
  const image = builtReference(proxyImage);
  await buildImage(sandbox.docker, proxyImage, image, () => undefined);
  const folder = join(sandbox.folder, which);
  mkdirSync(folder);
  const files = {
    "camcops.crt": site.certificate,
    "camcops.key": site.privateKey,
    "site.conf": fitted(snippet(which), which, site),
    "ports.conf": `Listen 127.0.0.1:${site.port}\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const mounts = {
    "camcops.crt": "/etc/ssl/camcops/camcops.crt",
    "camcops.key": "/etc/ssl/camcops/camcops.key",
    ...(which === "nginx"
      ? { "site.conf": "/etc/nginx/sites-enabled/camcops" }
      : { "site.conf": "/etc/apache2/sites-enabled/camcops.conf", "ports.conf": "/etc/apache2/ports.conf" }),
  };
  const name = `${sandbox.prefix}proxy-${which}`;
  const command =
    which === "nginx" ? "exec nginx -g 'daemon off;'" : `a2enmod ${apacheModules()} && exec apachectl -DFOREGROUND`;
  assertExit(
    await sandbox.run("docker", [
      ...["run", "--detach", "--name", name, "--network", "host"],
      ...Object.entries(mounts).flatMap(([file, path]) => ["--volume", `${join(folder, file)}:${path}:ro`]),
      ...["--entrypoint", "sh", image, "-c", command],
    ]),
    0,
  );
  await until(`${which} listens`, 60, async () => {
    const { State: state } = await sandbox.docker.getContainer(name).inspect();
    if (!state.Running) {
      const { stdout, stderr } = await sandbox.run("docker", ["logs", name]);
      assert.fail(`${which} has ended:\n${stdout}${stderr}`);
    }
    return isListening(site.port);
  });
}

function snippet(language: string): string {
  const [, text] = new RegExp(`^\`\`\`${language}\\n(.+?)^\`\`\`$`, "ms").exec(guide) ?? [];
  assert.ok(text !== undefined, `the guide has no snippet for ${language}`);
  return text;
}

function apacheModules(): string {
  const [, modules] = /`sudo a2enmod ([a-z_ ]+)`/.exec(guide) ?? [];
  assert.ok(modules !== undefined, "the guide names no modules of Apache");
  return modules;
}

/** The snippet with the test's addresses in place of the example's. */
function fitted(text: string, which: (typeof proxies)[number], site: ProxySite): string {
  const replacements: [string, string][] = [
    [
      which === "nginx" ? "listen 443 ssl" : "*:443>",
      which === "nginx" ? `listen 127.0.0.1:${site.port} ssl` : `*:${site.port}>`,
    ],
    ["camcops.example.org", site.serverName],
    ["http://127.0.0.1:8000", `http://127.0.0.1:${site.upstreamPort}`],
  ];
  return replacements.reduce((fit, [from, to]) => {
    assert.equal(fit.split(from).length, 2, `${from} does not stand once in the guide's snippet for ${which}`);
    return fit.replace(from, to);
  }, text);
}

/** Whether the host has a listener on a port of the loopback address. */
function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new RegExp(` 0100007F:${hex} 00000000:0000 0A `).test(readFileSync("/proc/net/tcp", "utf8"));
}
