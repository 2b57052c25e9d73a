import { camcopsSettings } from "../settings/camcops/settings.ts";
import { Camcops, type CamcopsSecrets } from "../systems/camcops/camcops.ts";
import type { Recorded } from "./mocks.ts";
import { named, recordOnHost } from "./recorded.ts";

/** Images that are pulled, so that no test depends on the content of `images/`. */
export const images = { camcops: "camcops:1", mysql: "mariadb:1", rabbitmq: "rabbitmq:1", nginx: "nginx:1" };

/** What is deployed, and how. */
export interface RecordedDeployment {
  settings?: Record<string, unknown>;
  secrets?: () => CamcopsSecrets;
  preview?: boolean;
  /** @default checks nothing */
  inspect?: (camcops: Camcops) => unknown;
}

/** Deploys CamCOPS with pulled images. */
export async function recordCamcops({ settings = {}, secrets, preview = false, inspect }: RecordedDeployment = {}) {
  return recordOnHost(
    (host, options) => {
      const parsed = camcopsSettings.parse({ images, ...settings });
      const args = { host, environment: "dev" as const, settings: parsed, secrets: secrets?.() ?? {} };
      const camcops = new Camcops("camcops", args, options);
      inspect?.(camcops);
    },
    { preview },
  );
}

/** The files that a `FileVolume` holds. */
export function filesOf(recorded: Recorded[], suffix: string): Record<string, string> {
  const { uploads } = named(recorded, `camcops-${suffix}-files-carrier`).inputs as {
    uploads: { secret: { file: string; content: string }[] };
  };
  return Object.fromEntries(uploads.secret.map(({ file, content }) => [file.replace("/files/", ""), content]));
}
