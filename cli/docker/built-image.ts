import type Docker from "dockerode";
import { buildImage, builtReference, type BuildContext } from "../../components/build.ts";
import type { Report } from "../../toolchain/report.js";

/**
 * Builds an image unless it is there, as a step that is shown.
 *
 * @returns its name on the host.
 * @throws Error with the last lines of the build's output when it fails.
 */
export async function ensureBuilt(client: Docker, report: Report, context: BuildContext): Promise<string> {
  const reference = builtReference(context);
  await report.step(`Image ${reference}`, "unless it is there, it is built", (detail) =>
    buildImage(client, context, reference, detail),
  );
  return reference;
}
