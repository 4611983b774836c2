DROP TABLE secrets;
DROP TABLE tokens;
DROP TABLE projects;
