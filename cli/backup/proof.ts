import type { Proof } from "./archive-format.ts";

/**
 * In what restored data differ from the saved ones; nothing when they are equal.
 *
 * @param comparable whether a dump of the same data would be the same, which it is not in another version
 */
export function differences(saved: Proof, restored: Proof, comparable: boolean): string[] {
  if (saved.kind === "files" && restored.kind === "files") {
    return saved.checksum === restored.checksum
      ? []
      : [
          `the files are others: ${saved.files} of ${saved.bytes} bytes were saved, there are ${restored.files} of ${restored.bytes}`,
        ];
  }
  if (saved.kind !== "database" || restored.kind !== "database") return ["it is of another kind"];
  const names = [...new Set([...Object.keys(saved.rows ?? {}), ...Object.keys(restored.rows ?? {})])].sort();
  return [
    ...names.flatMap((name) => {
      const range = saved.rows?.[name];
      const count = restored.rows?.[name]?.[0];
      if (range === undefined) return saved.rows === undefined ? [] : [`${name} was not in the backup`];
      const [least, most] = range;
      if (count === undefined) return restored.rows === undefined ? [] : [`${name} is missing`];
      if (count >= least && count <= most) return [];
      return [`${name} has ${count} rows; saved were ${least === most ? least : `${least} to ${most}`}`];
    }),
    ...(comparable && saved.dump !== restored.dump ? ["a dump of it is another than the saved one"] : []),
  ];
}

/** What was compared, in words. */
export function describe(proof: Proof, comparable: boolean): string {
  if (proof.kind === "files") return `${proof.files} files, equal by checksum`;
  const rows = Object.values(proof.rows ?? {});
  return [
    ...(proof.rows === undefined
      ? []
      : [`${rows.reduce((sum, [count]) => sum + count, 0)} rows in ${rows.length} tables`]),
    ...(comparable ? ["a dump of it is equal by checksum"] : []),
    ...(proof.rows === undefined && !comparable ? ["loaded without an error; it offers nothing to compare"] : []),
  ].join("; ");
}
