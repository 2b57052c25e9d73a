import { buildContext, type BuildContext } from "../components/build.ts";
import { dockerClient } from "../settings/docker-client.ts";
import type { ImageSource } from "../settings/system.ts";
import { imageChoices } from "../settings/systems.ts";
import { lastLine, run } from "../toolchain/run.js";
import { ensureBuilt } from "./docker/built-image.ts";
import { exitCode, Failure } from "./failure.ts";
import { prepare } from "./deployment/prepare.ts";
import { dockerHost, type CommonOptions } from "./site.ts";
import { remark, say } from "./terminal/terminal.ts";

/** Where images are pushed, and how their settings are printed. */
export interface PushOptions extends CommonOptions {
  /** Registry and repository that the images' names follow, such as `registry.example.org/slipway`. */
  to: string;
  json?: boolean;
}

/**
 * Builds the images of a stack that are not there yet, pushes them to a registry, and prints the settings by which another
 * stack pulls exactly these.
 *
 * @param settings the settings that choose images, such as `clinic.images.mysql`. Default: all whose image is built
 * @throws Failure when a setting is none of those, or when the registry does not take an image.
 */
export async function pushImages(settings: readonly string[], options: PushOptions): Promise<void> {
  const {
    site,
    report,
    settings: stack,
  } = await prepare(options, { docker: true, baseImage: true }, { deploys: true });
  const host = dockerHost(site);
  const client = dockerClient(host);
  const built = imageChoices(stack).flatMap(({ path, source }) =>
    "build" in source ? [{ setting: path.join("."), context: pushedContext(source.build, stack?.imageRevision) }] : [],
  );
  const known = built.map(({ setting }) => setting);
  const unknown = settings.filter((setting) => !known.includes(setting));
  if (unknown.length > 0) {
    throw new Failure(
      `Not the setting of an image that the stack "${site.stack}" builds: ${unknown.join(", ")}. ` +
        `Allowed: ${known.length === 0 ? "none, because it pulls all its images" : known.join(", ")}`,
      exitCode.usage,
    );
  }

  const pushed: Record<string, string> = {};
  for (const { setting, context } of built.filter(
    (image) => settings.length === 0 || settings.includes(image.setting),
  )) {
    const local = await ensureBuilt(client, report, context);
    const remote = `${options.to}/${local.slice(local.indexOf("/") + 1)}`;
    const docker = (args: string[], onLine?: (line: string) => void) =>
      run("docker", ["--host", host, ...args], onLine && { onLine });
    await docker(["tag", local, remote]);
    pushed[setting] = await report.step(`Pushing ${remote}`, "other stacks pull it from there", async (detail) => {
      const output = await docker(["push", remote], detail).catch((error: unknown) => {
        throw new Failure(
          `The registry did not take ${remote}: ${lastLine((error as Error).message)}. ` +
            `Where it asks for a login, type: docker login ${options.to.split("/")[0] ?? ""}`,
        );
      });
      const digest = /digest: (sha256:[0-9a-f]{64})/.exec(output)?.[1];
      if (digest === undefined) throw new Failure(`docker push named no digest of ${remote}:\n${output}`);
      return `${remote.slice(0, remote.lastIndexOf(":"))}@${digest}`;
    });
  }

  if (options.json) {
    say(JSON.stringify(pushed, undefined, 2));
    return;
  }
  remark("A stack uses these images by these settings:");
  for (const [setting, reference] of Object.entries(pushed)) say(`pulumi config set --path ${setting} ${reference}`);
}

/** Of a user's folder, the stage for other environments is pushed: the last one. */
function pushedContext(build: Extract<ImageSource, { build: unknown }>["build"], revision?: string): BuildContext {
  return { ...buildContext(build, revision), target: undefined };
}
