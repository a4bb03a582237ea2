/** Wait. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}

/** Return what `work` gives, or fail when that takes too long: it may be waiting for a dialog. */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = sleep(milliseconds).then(() => {
    throw new Error(`no answer within ${milliseconds / 1000} s`);
  });
  return Promise.race([work, late]);
}
