// The jobs of one kind below the form that starts them, followed while their view is shown.

import { isAbort } from "/assets/dom.js";
import * as kit from "/assets/api.js";
import { jobBox } from "/assets/jobs.js";

const LISTED = 5;

/**
 * Lists in `place` the jobs for which `isOurs` holds; one that is over and no longer ours is taken away. What depends on
 * jobs is read anew when one is over.
 */
export function followJobs(place, isOurs, app) {
  let following = null;

  function box(job) {
    const node = jobBox({ ...job, subject: job.subject || job.kind }, following.signal, (last) => {
      if (!isOurs(last)) node.remove();
      app.changed();
    });
    return node;
  }

  async function show() {
    if (following) return;
    following = new AbortController();
    const { signal } = following;
    try {
      const jobs = (await kit.jobs(signal)).filter(isOurs);
      jobs.sort((a, b) => b.created_at - a.created_at);
      place.replaceChildren(...jobs.slice(0, LISTED).map(box));
    } catch (error) {
      // A form's own problem is told where the form is; a list that is missing is tried again with the next visit.
      if (!isAbort(error)) following = null;
    }
  }

  return {
    show,
    add(job) {
      place.prepend(box(job));
      place.firstElementChild.querySelector("button")?.focus();
    },
    // A stream is a connection, of which a browser has few; the jobs are listed again when the view is.
    hide() {
      following?.abort();
      following = null;
    },
  };
}
