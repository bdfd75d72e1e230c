-- Which operations take another back is looked for with each that is shown.
CREATE INDEX operation_undoes ON operation (json_extract(body, '$.undoes'))
    WHERE json_extract(body, '$.undoes') IS NOT NULL;
