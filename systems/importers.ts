import type { SystemName } from "../settings/systems.ts";
import { camcopsImporter } from "./camcops/import.ts";
import { copedImporter } from "./coped/import.ts";
import type { Importer } from "./import.ts";
import { ocsImporter } from "./ocs/import.ts";
import { siddataImporter } from "./siddata/import.ts";

/** The systems of which existing installations can be taken over. */
export const importers: readonly { system: SystemName; importer: Importer }[] = [
  { system: "camcops", importer: camcopsImporter },
  { system: "coped", importer: copedImporter },
  { system: "ocs", importer: ocsImporter },
  { system: "siddata", importer: siddataImporter },
];
