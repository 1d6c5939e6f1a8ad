export const letters = (text) => `${text.length} letters`;
