import { isReplacedBehindNginx, variablesAreFree } from "../django.ts";
import { environmentNames, environments } from "../environment.ts";
import { oneOf } from "../fields.ts";
import { settingKey, valueAt } from "../path.ts";
import { portsDiffer } from "../ports-differ.ts";
import { volumeFolderHasVolume } from "../postgresql.ts";
import type { Report } from "../remedy.ts";

/** The rules that Siddata's settings keep; each is silent where its part is invalid by itself. */
export function siddataRules(stack: unknown, report: Report): void {
  const settings = valueAt(stack, ["siddata"]);
  const within: Report = (path, ...problem) => {
    report(["siddata", ...path], ...problem);
  };
  variablesAreFree("siddata", ["backend"], settings, within);
  volumeFolderHasVolume("siddata", "db", settings, within);
  const environment = oneOf(environmentNames).safeParse(valueAt(stack, ["environment"])).data;
  if (environment === undefined) return;
  if (environments[environment].isForDevelopment) {
    const hasModel = valueAt(settings, ["tfServing", "container"]) !== false;
    const model = hasModel ? ["grpc", "rest"].map((interfaceName) => ["tfServing", interfaceName]) : [];
    isReplacedBehindNginx("siddata", "backend", settings, within);
    portsDiffer("siddata", [["backend"], ["db"], ["adminer"], ...model], settings, within);
  } else if (valueAt(settings, ["backend", "folder"]) !== undefined) {
    within(
      ["backend", "folder"],
      `must not be set in ${environment}, where the backend runs from its image (siddata.images.backend) alone`,
      { unset: settingKey(["siddata", "backend", "folder"]) },
    );
  }
}
