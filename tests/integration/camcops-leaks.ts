import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formsOf } from "../secret-search.ts";
import type { CamcopsDeployment } from "./camcops-deployment.ts";

/** A place where somebody without the secrets can look, and what stands there. */
export interface Place {
  name: string;
  text: string;
}

/** Every secret in every form: plain, escaped in JSON, encoded, and as a hash without salt. */
export function formsOfAll(secrets: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(
    Object.entries(secrets).flatMap(([name, secret]) =>
      [
        ...formsOf(secret),
        JSON.stringify(secret).slice(1, -1),
        ...["md5", "sha1", "sha256", "sha512"].map((kind) => createHash(kind).update(secret).digest("hex")),
      ].map((form) => [form, name] as const),
    ),
  );
}

/** Says which secrets stand where, in words that show none. */
export function leaksIn(places: readonly Place[], forms: ReadonlyMap<string, string>): string[] {
  return places.flatMap(({ name, text }) => [
    ...new Set([...forms].filter(([form]) => text.includes(form)).map(([, secret]) => `${secret} in ${name}`)),
  ]);
}

/** The stack's actual secrets, as the processes get them. */
export async function actualSecrets(deployment: CamcopsDeployment): Promise<Record<string, string>> {
  const read = (service: string, file: string) => deployment.exec(service, ["cat", `/run/secrets/${file}`]);
  const sessionSecret = /^SESSION_COOKIE_SECRET = (.+)$/m.exec(await read("camcops_server", "site.conf"))?.[1] ?? "";
  // An elliptic curve's key in PEM holds its secret number in the first line; the public key follows.
  const [, keyLine = ""] = (await read("camcops_server", "camcops.key")).split("\n");
  return {
    "the superuser's password": await deployment.output("camcopsSuperuserPassword"),
    "the monitor's password": await deployment.output("camcopsFlowerPassword"),
    "the session secret": sessionSecret,
    "the TLS key": keyLine,
  };
}

/** Everything that Docker tells of the stack, and all that its processes tell of themselves. */
export async function placesInDocker(deployment: CamcopsDeployment): Promise<Place[]> {
  const { docker } = deployment.sandbox;
  const containers = [...(await deployment.containers())].map(([name, info]) => ({ name, info }));
  const images = [...new Set(containers.map(({ info }) => info.Image))];
  const { Volumes: volumes } = await docker.listVolumes({ filters: { name: [deployment.name] } });
  const networks = await docker.listNetworks({ filters: { name: [deployment.name] } });
  const logging = containers.filter(({ info }) => info.HostConfig.LogConfig?.Type !== "none");
  const running = containers.filter(({ info }) => info.State.Running).map(({ name }) => name);
  return [
    ...containers.map(({ name, info }) => ({ name: `docker inspect of ${name}`, text: JSON.stringify(info) })),
    ...(await Promise.all(
      images.map(async (id) => {
        const image = docker.getImage(id);
        const text = JSON.stringify([await image.inspect(), await image.history()]);
        return { name: `docker inspect and history of image ${id}`, text };
      }),
    )),
    { name: "the volumes", text: JSON.stringify(volumes) },
    { name: "the networks", text: JSON.stringify(networks) },
    ...(await Promise.all(
      logging.map(async ({ name }) => ({ name: `docker logs of ${name}`, text: await deployment.log(name) })),
    )),
    ...(await Promise.all(
      running.map(async (name) => ({
        name: `docker top of ${name}`,
        text: JSON.stringify(await deployment.container(name).top({ ps_args: "-eo pid,args" })),
      })),
    )),
    ...(await Promise.all(
      running.map(async (name) => {
        const command = ["sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null"];
        return { name: `/proc of ${name}`, text: (await deployment.tryExec(name, command)).stdout };
      }),
    )),
  ];
}

/** Every file below a folder. */
export function placesInFolder(folder: string): Place[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ name: file, text: readFileSync(file, "utf8") }));
}
