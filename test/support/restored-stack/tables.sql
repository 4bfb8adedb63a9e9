CREATE TABLE parcels (id int PRIMARY KEY, crop text);
INSERT INTO parcels VALUES (1, 'maize'), (2, 'rye');
