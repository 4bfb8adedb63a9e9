/** All mutants that are written by hand. Stryker makes those of pure functions. */
import { backupMutants } from "./backup";
import { bucketMutants } from "./bucket";
import { folderMutants } from "./folder";
import { migrateMutants } from "./migrate";
import type { Mutant } from "./mutant";
import { restoreMutants } from "./restore";
import { trustMutants } from "./trust";
import { unchangedMutants } from "./unchanged";

export const mutants: readonly Mutant[] = [
  ...folderMutants,
  ...backupMutants,
  ...restoreMutants,
  ...migrateMutants,
  ...bucketMutants,
  ...trustMutants,
  ...unchangedMutants,
];
