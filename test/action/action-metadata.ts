const TEXT = { type: 'string', minLength: 1 };
const ID = '^[A-Za-z_][A-Za-z0-9_-]*$';

const entries = (properties: object, required: readonly string[]) => ({
  type: 'object',
  patternProperties: { [ID]: { type: 'object', properties, required, additionalProperties: false } },
  additionalProperties: false,
});

/** What GitHub's documentation says of `action.yml` ("Metadata syntax reference"), for actions in JavaScript. */
export const ACTION_METADATA = {
  type: 'object',
  properties: {
    name: TEXT,
    author: TEXT,
    description: TEXT,
    inputs: entries(
      {
        description: TEXT,
        required: { type: 'boolean' },
        default: { type: 'string' },
        deprecationMessage: TEXT,
      },
      ['description'],
    ),
    outputs: entries({ description: TEXT }, ['description']),
    runs: {
      type: 'object',
      properties: {
        using: { enum: ['node20', 'node24'] },
        main: { type: 'string', pattern: '^[^/].*\\.(c|m)?js$' },
        pre: TEXT,
        'pre-if': TEXT,
        post: TEXT,
        'post-if': TEXT,
      },
      required: ['using', 'main'],
      additionalProperties: false,
    },
    branding: {
      type: 'object',
      properties: {
        icon: { type: 'string', pattern: '^[a-z-]+$' },
        color: {
          enum: ['white', 'black', 'yellow', 'blue', 'green', 'orange', 'red', 'purple', 'gray-dark'],
        },
      },
      additionalProperties: false,
    },
  },
  required: ['name', 'description', 'runs'],
  additionalProperties: false,
};
