/**
 * A version as numbers, so that two can be compared.
 *
 * @param {string} text - such as "v3.256.0", "1.26.6" or "1.27rc1"
 * @returns {number[]} the leading numbers: a pre-release counts as its release
 * @throws where it does not start as a version does
 */
export function parseVersion(text) {
  const numbers = /^v?(\d+(?:\.\d+)*)/.exec(text)?.[1];
  if (numbers === undefined) throw new Error(`"${text}" is not a version; a version looks like "3.256.0".`);
  return numbers.split(".").map(Number);
}

/**
 * @param {number[]} version
 * @param {number[]} minimum
 * @returns {boolean}
 */
export function atLeast(version, minimum) {
  for (let i = 0; i < Math.max(version.length, minimum.length); i++) {
    const difference = (version[i] ?? 0) - (minimum[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
