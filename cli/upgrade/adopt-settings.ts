import { existsSync, readFileSync } from "node:fs";
import { keepFormer } from "../moving-in/new-stack.ts";
import type { Site } from "../site.ts";
import { say } from "../terminal/terminal.ts";
import { writeDurably } from "./durable-file.ts";
import { settingsOf } from "./history.ts";

/** Makes the stack's file that of a deployment, and keeps the present one. */
export function adoptSettings(site: Site, number: number): void {
  const text = readFileSync(settingsOf(site, number), "utf8");
  if (existsSync(site.stackFile) && readFileSync(site.stackFile, "utf8") === text) return;
  const former = keepFormer(site);
  writeDurably(site.stackFile, text);
  say(
    `${site.stackFile} holds the settings of the deployment ${number}` +
      (former === undefined ? "" : `; the former file is kept as ${former}`),
  );
}
