import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The clone: the folder that holds package.json and Pulumi.yaml. */
export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));
