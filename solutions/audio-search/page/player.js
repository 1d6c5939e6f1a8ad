// The one sound that plays. Whatever begins to play takes the place of what played before, wherever on the page that was.

import { playMedia } from "/assets/api.js";

const media = new Audio();

/**
 * What plays, or was played last: a track is `{ url, node, show({ isPlaying, time }), fail() }`. It stops when its node leaves
 * the page.
 */
let track = null;
let since = 0;
let until = Infinity;
/** Grows with whatever is asked for, so that what was asked for before knows that it is over. */
let turn = 0;

/** Whether this one plays, or any at all. */
export const isPlaying = (asked = track) => asked !== null && asked === track && !media.paused;
export const timeOf = (asked) => (asked === track ? media.currentTime : null);

/** Plays from `from` to `to`, in seconds of the file. */
export async function play(asked, from, to = Infinity) {
  turn += 1;
  const mine = turn;
  if (track !== asked) {
    leave();
    track = asked;
    // The server may need a session first, as players carry no token.
    if (asked.url.startsWith("blob:")) media.src = asked.url;
    else await playMedia(media, asked.url);
    if (mine !== turn) return;
  }
  [since, until] = [from, to];
  media.currentTime = from;
  try {
    await media.play();
  } catch (error) {
    // Paused, or another was asked for, before it began.
    if (error.name === "AbortError" || mine !== turn) return;
    track = null;
    asked.fail();
  }
}

/** What was played last goes on, or begins again when it was over; false where it is not within `place`. */
export function resume(place) {
  if (!track || !place.contains(track.node)) return false;
  const isOver = media.ended || media.currentTime >= until;
  play(track, isOver ? since : media.currentTime, until);
  return true;
}

export function pause() {
  turn += 1;
  media.pause();
}

/** Goes to another place without playing. */
export function seek(asked, time) {
  if (asked !== track) return;
  media.currentTime = time;
  until = Infinity;
}

function leave() {
  media.pause();
  track?.show({ isPlaying: false, time: null });
  track = null;
}

function tell() {
  if (!track) return;
  if (!track.node.isConnected) {
    turn += 1;
    leave();
    return;
  }
  if (media.currentTime >= until && !media.paused) media.pause();
  track.show({ isPlaying: !media.paused, time: media.currentTime });
}

function follow() {
  tell();
  if (!media.paused) requestAnimationFrame(follow);
}

media.addEventListener("playing", follow);
// Frames are not drawn behind another tab; there the end of the moment is found out a little later.
for (const event of ["pause", "ended", "timeupdate", "seeked"]) media.addEventListener(event, tell);
