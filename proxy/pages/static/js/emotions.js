// The datasets name the same emotions differently; the page has one name, one colour and one place for each.

const ORDER = ["anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"];
// The words of scripts/labels.py.
const SAME = {
  angry: "anger", contemptuous: "contempt", disgusted: "disgust", fearful: "fear", afraid: "fear", scared: "fear",
  happy: "happiness", joy: "happiness", joyful: "happiness", neutrality: "neutral", calm: "neutral", sad: "sadness",
  surprised: "surprise",
};

/** The emotion a label stands for: "angry", "anger" and "Anger" are one. Labels of other kinds are "other". */
export function emotionOf(label) {
  const word = label.toLowerCase();
  const emotion = SAME[word] ?? word;
  return ORDER.includes(emotion) ? emotion : "other";
}

/** What the page calls a label: its emotion, or the label itself where it is none. */
export function nameOf(label) {
  const emotion = emotionOf(label);
  return emotion === "other" ? label : emotion;
}

/** Labels in the page's order, which is the same for every dataset. */
export function inOrder(labels) {
  const rank = (label) => (ORDER.indexOf(emotionOf(label)) + ORDER.length + 1) % (ORDER.length + 1);
  return [...labels].sort((one, other) => rank(one) - rank(other));
}
