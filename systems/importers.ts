import type { SystemName } from "../settings/systems.ts";
import { camcopsImporter } from "./camcops/import.ts";
import type { Importer } from "./import.ts";

/** The systems of which existing installations can be taken over. */
export const importers: readonly { system: SystemName; importer: Importer }[] = [
  { system: "camcops", importer: camcopsImporter },
];
